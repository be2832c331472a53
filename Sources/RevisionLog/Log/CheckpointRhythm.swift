import Changes

/// When the checkpointer does something by itself, and what comes first when there is much to do. Pure: facts and the time
/// go in.
struct CheckpointRhythm {
    /// What comes by itself.
    enum Job: CaseIterable {
        case checkpoint, acknowledge, retain, seal
    }

    /// Whether there is something to compact, or to seal, and whether history may become too old.
    var compacts = false
    var seals = false
    var ages = false
    /// Whether there is so little to do that sealing goes on by itself.
    var isQuiet = true

    private let options: LogOptions
    /// When each is due, counted from when there was something to do.
    private var deadlines: [Job: ContinuousClock.Instant] = [:]
    /// Records that a compaction may drop before the next checkpoint, even an urgent one: as many as the last one wrote,
    /// or a log that is written as fast as can be would never be compacted.
    private var turn: Revision = 0
    /// How long sealing rests before its next step.
    private var rest: Duration = .zero
    /// Whether the store was just opened, and nothing checkpointed since: it has better things to do than to seal.
    private var isOpening = true

    init(_ options: LogOptions) {
        self.options = options
    }

    /// - Parameters:
    ///   - isDirty: whether commits wait for a checkpoint.
    ///   - isAcknowledged: whether acknowledgements of cursors wait.
    mutating func set(isDirty: Bool, isAcknowledged: Bool, now: ContinuousClock.Instant = .now) {
        want(.checkpoint, isDirty, within: options.checkpointInterval, now)
        // A checkpoint that is not further away than their own interval takes them along.
        let isOwn = isAcknowledged && !(isDirty && options.checkpointInterval <= options.cursorInterval)
        want(.acknowledge, isOwn, within: options.cursorInterval, now)
        want(.retain, ages && options.retention.interval != nil, within: .seconds(options.retention.interval ?? 0), now)
        // When nothing was committed for an interval, it is quiet.
        let sealingRest = isQuiet && !isOpening ? rest : options.checkpointInterval
        want(.seal, seals && (isQuiet || !isDirty), within: sealingRest, now)
    }

    private mutating func want(_ job: Job, _ isWanted: Bool, within interval: Duration, _ now: ContinuousClock.Instant)
    {
        deadlines[job] = isWanted ? deadlines[job] ?? now + interval : nil
    }

    /// A job was done.
    mutating func did(_ job: Job) {
        deadlines[job] = nil
    }

    /// A step of sealing was made. If somebody writes meanwhile, whom it keeps from disk and processor, it goes on only after
    /// a multiple of the time that it took.
    mutating func sealed(in time: Duration, isDirty: Bool) {
        did(.seal)
        (isQuiet, isOpening) = (true, false)
        rest = isDirty ? time * Limits.sealingRest : .zero
    }

    /// A checkpoint has written so many revisions, and bytes of the log before compression.
    mutating func checkpointed(revisions: Revision, bytes: Int64) {
        did(.checkpoint)
        if isOpening { did(.seal) }
        isOpening = false
        turn = max(1, revisions)
        isQuiet = bytes <= Limits.quietBytes
    }

    /// A step of a compaction was made.
    mutating func compacted() {
        turn -= Revision(Limits.compactionRecords)
    }

    /// Whether compacting comes before a checkpoint that is urgent.
    var isCompactionsTurn: Bool { compacts && turn > 0 }

    /// Whether commits have waited long enough, whatever else there is to do.
    func isCheckpointDue(now: ContinuousClock.Instant = .now) -> Bool {
        deadlines[.checkpoint].map { $0 <= now } ?? false
    }

    /// Whether it is time for another step of sealing.
    func isSealDue(now: ContinuousClock.Instant = .now) -> Bool {
        deadlines[.seal].map { $0 <= now } ?? false
    }

    /// What is due first.
    var next: Job? {
        deadlines.min { $0.value < $1.value }?.key
    }

    /// How long there is nothing to do; nil for ever.
    func seconds(now: ContinuousClock.Instant = .now) -> Double? {
        deadlines.values.min().map { max(0, ($0 - now).seconds) }
    }
}
