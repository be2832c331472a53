/// When the checkpointer has to do something by itself, counted from when there was something to do.
struct CheckpointTimer {
    private var checkpoint: ContinuousClock.Instant?
    private var acknowledgement: ContinuousClock.Instant?

    /// - Parameters:
    ///   - isDirty: whether commits wait for a checkpoint.
    ///   - isAcknowledged: whether acknowledgements of cursors wait.
    mutating func set(isDirty: Bool, isAcknowledged: Bool, _ options: LogOptions) {
        let now = ContinuousClock.now
        checkpoint = isDirty ? checkpoint ?? now + options.checkpointInterval : nil
        // A checkpoint that is not further away than their own interval takes them along.
        let isOwn = isAcknowledged && !(isDirty && options.checkpointInterval <= options.cursorInterval)
        acknowledgement = isOwn ? acknowledgement ?? now + options.cursorInterval : nil
    }

    /// Whether the checkpoint comes first.
    var isCheckpoint: Bool {
        guard let acknowledgement else { return true }
        return checkpoint.map { $0 <= acknowledgement } ?? false
    }

    /// How long there is nothing to do; nil for ever.
    var seconds: Double? {
        guard let first = isCheckpoint ? checkpoint : acknowledgement else { return nil }
        return max(0, (first - ContinuousClock.now).seconds)
    }
}
