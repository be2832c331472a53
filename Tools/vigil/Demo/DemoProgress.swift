import Vigil

/// How far the writer is, for those who wait for it.
actor DemoProgress {
    private(set) var head: Revision
    private var isFinished = false
    private var waiting: [(revision: Revision, continuation: CheckedContinuation<Void, Never>)] = []

    init(head: Revision) {
        self.head = head
    }

    /// The writer has made everything through `revision`.
    func advance(to revision: Revision, isFinished: Bool = false) {
        head = revision
        self.isFinished = isFinished
        let ready = waiting.filter { isFinished || $0.revision <= revision }
        waiting.removeAll { isFinished || $0.revision <= revision }
        for waiter in ready { waiter.continuation.resume() }
    }

    /// Waits until the writer has made `revision`, or has finished.
    func reach(_ revision: Revision) async {
        if isFinished || head >= revision { return }
        await withCheckedContinuation { waiting.append((revision, $0)) }
    }

    /// The last revision of all, once the writer has finished.
    var last: Revision? { isFinished ? head : nil }

    /// Waits until the writer has finished, and returns the last revision that it made.
    func finish() async -> Revision {
        await reach(.max)
        return head
    }
}
