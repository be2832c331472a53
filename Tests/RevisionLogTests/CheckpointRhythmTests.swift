import Testing

@testable import RevisionLog

@Suite struct CheckpointRhythmTests {
    private let start = ContinuousClock.now

    private func rhythm(checkpoint: Duration, cursor: Duration, age: Duration? = nil) -> CheckpointRhythm {
        var options = LogOptions()
        options.checkpointInterval = checkpoint
        options.cursorInterval = cursor
        options.retention.age = age
        return CheckpointRhythm(options)
    }

    @Test func whatIsDueFirstComesFirst() {
        var rhythm = rhythm(checkpoint: .seconds(100), cursor: .seconds(10))
        rhythm.set(isDirty: false, isAcknowledged: false, now: start)
        #expect(rhythm.next == nil && rhythm.seconds(now: start) == nil)
        rhythm.set(isDirty: true, isAcknowledged: false, now: start)
        #expect(rhythm.next == .checkpoint && rhythm.seconds(now: start) == 100)
        rhythm.set(isDirty: true, isAcknowledged: true, now: start + .seconds(1))
        #expect(rhythm.next == .acknowledge && rhythm.seconds(now: start + .seconds(1)) == 10)
        rhythm.set(isDirty: true, isAcknowledged: false, now: start + .seconds(2))
        #expect(rhythm.next == .checkpoint && rhythm.seconds(now: start + .seconds(2)) == 98)
    }

    @Test func oneCommitServesBothIfTheCheckpointIsNotLater() {
        var rhythm = rhythm(checkpoint: .seconds(10), cursor: .seconds(10))
        rhythm.set(isDirty: true, isAcknowledged: true, now: start)
        #expect(rhythm.next == .checkpoint)
        rhythm.set(isDirty: false, isAcknowledged: true, now: start)
        #expect(rhythm.next == .acknowledge && rhythm.seconds(now: start) == 10)
    }

    /// What comes again and again does not put it off.
    @Test func aTimeThatRunsIsNotStartedAnew() {
        var rhythm = rhythm(checkpoint: .seconds(5), cursor: .seconds(10))
        for second in 0...5 {
            let now = start + .seconds(second)
            rhythm.set(isDirty: true, isAcknowledged: true, now: now)
            #expect(rhythm.next == .checkpoint && rhythm.seconds(now: now) == Double(5 - second))
            #expect(rhythm.isCheckpointDue(now: now) == (second == 5))
        }
        rhythm.checkpointed(revisions: 1, bytes: 1)
        rhythm.set(isDirty: true, isAcknowledged: false, now: start + .seconds(6))
        #expect(rhythm.seconds(now: start + .seconds(6)) == 5)
    }

    @Test func sealingWaitsUntilItIsQuiet() {
        var rhythm = rhythm(checkpoint: .seconds(1), cursor: .seconds(1))
        rhythm.seals = true
        rhythm.checkpointed(revisions: 1, bytes: Int64(Limits.quietBytes) + 1)
        rhythm.set(isDirty: true, isAcknowledged: false, now: start)
        #expect(!rhythm.isQuiet && rhythm.next == .checkpoint)
        rhythm.set(isDirty: false, isAcknowledged: false, now: start)
        #expect(rhythm.next == .seal && rhythm.seconds(now: start) == 1)
        rhythm.sealed(in: .seconds(1), isDirty: false)
        #expect(rhythm.isQuiet)
        rhythm.checkpointed(revisions: 1, bytes: Int64(Limits.quietBytes))
        #expect(rhythm.isQuiet)
    }

    @Test func sealingBeginsAnIntervalAfterOpening() {
        var rhythm = rhythm(checkpoint: .seconds(5), cursor: .seconds(1))
        rhythm.seals = true
        for (second, isDue) in [(0, false), (4, false), (5, true)] {
            rhythm.set(isDirty: false, isAcknowledged: false, now: start + .seconds(second))
            #expect(rhythm.next == .seal && rhythm.isSealDue(now: start + .seconds(second)) == isDue)
        }
    }

    @Test func sealingBeginsAfterTheFirstCheckpointToo() {
        var rhythm = rhythm(checkpoint: .seconds(3600), cursor: .seconds(1))
        rhythm.seals = true
        rhythm.set(isDirty: true, isAcknowledged: false, now: start)
        #expect(!rhythm.isSealDue(now: start))
        rhythm.checkpointed(revisions: 1, bytes: 1)
        rhythm.set(isDirty: false, isAcknowledged: false, now: start)
        #expect(rhythm.isSealDue(now: start))
    }

    @Test func sealingRestsBesideWriters() {
        var rhythm = rhythm(checkpoint: .seconds(100), cursor: .seconds(1))
        rhythm.seals = true
        rhythm.sealed(in: .zero, isDirty: true)
        rhythm.set(isDirty: true, isAcknowledged: false, now: start)
        #expect(rhythm.isSealDue(now: start))
        rhythm.sealed(in: .seconds(2), isDirty: true)
        rhythm.set(isDirty: true, isAcknowledged: false, now: start + .seconds(2))
        #expect(!rhythm.isSealDue(now: start + .seconds(2)) && rhythm.next == .seal)
        #expect(rhythm.seconds(now: start + .seconds(2)) == Double(2 * Limits.sealingRest))
        #expect(rhythm.isSealDue(now: start + .seconds(2 + 2 * Limits.sealingRest)))
        // With nobody there it goes on at once.
        rhythm.sealed(in: .seconds(2), isDirty: false)
        rhythm.set(isDirty: false, isAcknowledged: false, now: start + .seconds(10))
        #expect(rhythm.isSealDue(now: start + .seconds(10)))
    }

    @Test func aCompactionHasItsTurnBetweenUrgentCheckpoints() {
        var rhythm = rhythm(checkpoint: .seconds(1), cursor: .seconds(1))
        rhythm.compacts = true
        #expect(!rhythm.isCompactionsTurn)
        rhythm.checkpointed(revisions: Int64(Limits.compactionRecords) + 1, bytes: 1)
        for isTurn in [true, true, false] {
            #expect(rhythm.isCompactionsTurn == isTurn)
            rhythm.compacted()
        }
    }

    @Test func onlyHistoryThatMayAgeIsLookedAt() {
        var rhythm = rhythm(checkpoint: .seconds(1), cursor: .seconds(1), age: .seconds(16))
        rhythm.set(isDirty: false, isAcknowledged: false, now: start)
        #expect(rhythm.next == nil)
        rhythm.ages = true
        rhythm.set(isDirty: false, isAcknowledged: false, now: start)
        #expect(rhythm.next == .retain && rhythm.seconds(now: start) == 1)
    }
}
