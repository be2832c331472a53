import Threads

/// Makes spare segments of the journal on a thread of its own: the checkpointer may be busy for longer than fast writers take
/// to fill one.
final class SpareKeeper: Sendable {
    private let journal: Journal
    private let thread: OSThread

    init(journal: Journal) {
        self.journal = journal
        thread = OSThread { journal.keepSpare() }
    }

    func stop() {
        journal.endSpares()
        thread.join()
    }
}
