import Changes

/// How fast commits may come while a checkpoint is under way. Pure: facts and the time go in.
///
/// If they come faster than checkpoints are made, the room for what waits runs out before the checkpoint ends, and then
/// all writers wait for the rest of it. Instead each commit waits a little, so that the room lasts as long as the
/// checkpoint is expected to take. How fast writers are in the end is the same.
struct CommitPace {
    private struct Running {
        var began: ContinuousClock.Instant
        var bytes: Int
        /// Seconds that it may take; nil if it is small.
        var expected: Double?
    }

    /// Bytes of commits that may wait.
    private let limit: Int
    /// Smaller checkpoints are not representative, and over soon.
    private let leastBytes: Int
    private var running: Running?
    /// Of the checkpoints before; nil if there was none.
    private var secondsPerByte: Double?

    init(_ options: LogOptions) {
        limit = options.pendingBytes
        leastBytes = options.checkpointBytes / 4
    }

    /// A checkpoint begins, of so many bytes of commits.
    mutating func began(bytes: Int, now: ContinuousClock.Instant = .now) {
        let rate = secondsPerByte ?? 1 / Limits.assumedCheckpointRate
        let expected = rate * Double(bytes) * Limits.checkpointGrowth
        running = Running(began: now, bytes: bytes, expected: bytes >= leastBytes ? expected : nil)
    }

    /// It has ended, and what it wrote does not wait any more; or it has failed.
    mutating func ended(isDone: Bool, now: ContinuousClock.Instant = .now) {
        guard let running else { return }
        self.running = nil
        guard isDone, running.bytes >= leastBytes else { return }
        let measured = (now - running.began).seconds / Double(running.bytes)
        // A store that grows gets slower, which is believed at once; that it got faster, by and by.
        secondsPerByte = max(measured, secondsPerByte.map { ($0 + measured) / 2 } ?? 0)
    }

    /// How many seconds a commit should wait when so many bytes wait to be checkpointed, those that are being written
    /// included; 0 for not at all.
    func delay(pending: Int, now: ContinuousClock.Instant = .now) -> Double {
        guard let running, let expected = running.expected else { return 0 }
        // A part of the room is free, for what comes in bursts.
        let room = limit - running.bytes
        let free = room / Limits.unpacedShare
        let paced = pending - running.bytes - free
        guard paced > 0, room > free else { return 0 }
        let due = expected * min(1, Double(paced) / Double(room - free))
        return max(0, due - (now - running.began).seconds)
    }
}
