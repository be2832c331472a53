import Threads

/// At the level `.interval`: flushes the journal every so often, on a thread of its own since a checkpoint may take
/// longer than that.
final class Flusher: Sendable {
    private let isStopping = Monitor(false)
    private let thread: OSThread

    init(journal: Journal, interval: Duration) {
        let isStopping = isStopping
        let seconds = max(interval.seconds, 0.001)
        thread = OSThread {
            while isStopping.wait(seconds: seconds, { $0 ? true : nil }) == nil {
                // A failure poisons the journal: the next write tells the writer.
                try? journal.flush()
            }
            try? journal.flush()
        }
    }

    func stop() {
        isStopping.notify { $0 = true }
        thread.join()
    }
}
