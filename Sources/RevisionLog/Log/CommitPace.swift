import Changes

/// How fast commits may come while a checkpoint is under way. Pure: facts and the time go in.
///
/// If they come faster than checkpoints are made, the room for what waits runs out before the checkpoint ends, and then
/// all writers wait for the rest of it. Instead each commit waits a little, so that the room lasts as long as the
/// checkpoint is expected to take. How fast writers are in the end is the same.
struct CommitPace {
    private struct Running {
        var began: ContinuousClock.Instant
        var load: Int
        /// Seconds that it may take; nil if it is small.
        var expected: Double?
    }

    /// Load of commits that may wait, as `LogOptions.pendingBytes` counts it.
    private let limit: Int
    /// Smaller checkpoints are not representative, and over soon.
    private let leastLoad: Int
    private var running: Running?
    /// Of the checkpoints before; nil if there was none.
    private var secondsPerLoad: Double?

    init(_ options: LogOptions) {
        limit = options.pendingBytes
        leastLoad = options.checkpointBytes / 4
    }

    /// A checkpoint begins, of commits of that load.
    mutating func began(load: Int, now: ContinuousClock.Instant = .now) {
        let rate = secondsPerLoad ?? 1 / Limits.assumedCheckpointRate
        let expected = rate * Double(load) * Limits.checkpointGrowth
        running = Running(began: now, load: load, expected: load >= leastLoad ? expected : nil)
    }

    /// It has ended, and what it wrote does not wait any more; or it has failed.
    mutating func ended(isDone: Bool, now: ContinuousClock.Instant = .now) {
        guard let running else { return }
        self.running = nil
        guard isDone, running.load >= leastLoad else { return }
        let measured = (now - running.began).seconds / Double(running.load)
        // A store that grows gets slower, which is believed at once; that it got faster, by and by.
        secondsPerLoad = max(measured, secondsPerLoad.map { ($0 + measured) / 2 } ?? 0)
    }

    /// How many seconds a commit should wait when so much load waits to be checkpointed, what is being written included;
    /// 0 for not at all.
    func delay(load: Int, now: ContinuousClock.Instant = .now) -> Double {
        guard let running, let expected = running.expected else { return 0 }
        // A part of the room is free, for what comes in bursts.
        let room = limit - running.load
        let free = room / Limits.unpacedShare
        let paced = load - running.load - free
        guard paced > 0, room > free else { return 0 }
        let due = expected * min(1, Double(paced) / Double(room - free))
        return max(0, due - (now - running.began).seconds)
    }
}
