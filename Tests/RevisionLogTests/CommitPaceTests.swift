import Testing

@testable import RevisionLog

@Suite struct CommitPaceTests {
    private let start = ContinuousClock.now
    private let mebibyte = 1 << 20

    /// Of a store that checkpoints 32 MiB, has room for 64, and has taken so long for the last: the next is expected to
    /// take a quarter more.
    private func pace(lastTook seconds: Int? = 4) -> CommitPace {
        var options = LogOptions()
        options.checkpointBytes = 32 << 20
        options.pendingBytes = 64 << 20
        var pace = CommitPace(options)
        guard let seconds else { return pace }
        pace.began(load: 32 << 20, now: start - .seconds(100))
        pace.ended(isDone: true, now: start - .seconds(100 - seconds))
        return pace
    }

    @Test func theRoomLastsAsLongAsTheCheckpoint() {
        var pace = pace()
        #expect(pace.delay(load: 64 << 20, now: start) == 0, "no checkpoint is under way")
        pace.began(load: 32 << 20, now: start)
        // A quarter of the room of 32 MiB is free.
        #expect(pace.delay(load: 40 << 20, now: start) == 0)
        #expect(pace.delay(load: 52 << 20, now: start) == 2.5)
        #expect(pace.delay(load: 52 << 20, now: start + .seconds(1)) == 1.5)
        #expect(pace.delay(load: 52 << 20, now: start + .milliseconds(2500)) == 0)
        #expect(pace.delay(load: 64 << 20, now: start) == 5)
        // However much there is, it does not take longer than the checkpoint should.
        #expect(pace.delay(load: 640 << 20, now: start) == 5)
        #expect(pace.delay(load: 640 << 20, now: start + .seconds(5)) == 0)
    }

    @Test func whoKeepsToItNeverFindsTheRoomUsedUp() {
        // Writers as fast as can be, in groups of half a mebibyte; the checkpoint takes as long as is expected.
        var pace = pace()
        pace.began(load: 32 << 20, now: start)
        var (now, pending, longest) = (0.0, 32 << 20, 0.0)
        while now < 5 {
            let delay = pace.delay(load: pending, now: start + .seconds(now))
            longest = max(longest, delay)
            now += delay
            if now < 5 { pending += mebibyte / 2 }
        }
        #expect(pending <= 64 << 20)
        #expect(longest < 0.125, "\(longest) s of 5 at once")
    }

    @Test func theFirstIsPacedByAGuess() {
        var pace = pace(lastTook: nil)
        pace.began(load: 32 << 20, now: start)
        let guessed = 1.25 * Double(32 << 20) / Limits.assumedCheckpointRate
        #expect(abs(pace.delay(load: 64 << 20, now: start) - guessed) < 1e-6)
        // One that failed says nothing about how long the next takes.
        pace.ended(isDone: false, now: start + .seconds(1))
        pace.began(load: 32 << 20, now: start + .seconds(1))
        #expect(abs(pace.delay(load: 64 << 20, now: start + .seconds(1)) - guessed) < 1e-6)
        // Nor does a small one, and it is over soon.
        pace.ended(isDone: true, now: start + .seconds(2))
        pace.began(load: mebibyte, now: start + .seconds(2))
        #expect(pace.delay(load: 64 << 20, now: start + .seconds(2)) == 0)
    }

    @Test func theTimeIsThatOfTheCheckpointsBefore() {
        var pace = pace(lastTook: 4)
        pace.began(load: 32 << 20, now: start)
        pace.ended(isDone: true, now: start + .seconds(2))
        // Half way between 4 and 2 seconds for 32 MiB, and a quarter more; this one is of half as much.
        pace.began(load: 16 << 20, now: start + .seconds(2))
        #expect(pace.delay(load: 64 << 20, now: start + .seconds(2)) == 1.875)
        // Slower than before: as slow as that.
        pace.ended(isDone: true, now: start + .seconds(10))
        pace.began(load: 32 << 20, now: start + .seconds(10))
        #expect(pace.delay(load: 64 << 20, now: start + .seconds(10)) == 20)
    }

    @Test func withoutRoomThereIsNothingToPace() {
        var pace = pace()
        pace.began(load: 64 << 20, now: start)
        #expect(pace.delay(load: 64 << 20, now: start) == 0)
        #expect(pace.delay(load: 70 << 20, now: start) == 0)
    }
}
