import Threads

/// Says on standard error how far long work is, each tenth of it, if a person reads that.
final class Progress: Sendable {
    private let verb: String
    private let unit: String
    private let lastTenth = Lock<Int64>(0)

    /// As in `checked 10 of 20 revisions`.
    init(_ verb: String, unit: String) {
        self.verb = verb
        self.unit = unit
    }

    func report(_ done: Int64, _ total: Int64) {
        let tenth = total > 0 ? done * 10 / total : 10
        let isNew = lastTenth.withLock { last in
            defer { last = max(last, tenth) }
            return tenth > last
        }
        if isNew, Output.isInteractive { Output.error("\(verb) \(done) of \(total) \(unit)") }
    }
}
