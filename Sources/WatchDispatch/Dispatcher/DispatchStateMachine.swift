import Changes

/// Which revisions the dispatcher has dealt with, and where the queue left holes. Pure.
///
/// With a source revisions on the queue are contiguous, and a jump is a hole. Without one only the count of drops that
/// travels with each update says so.
struct DispatchStateMachine: Sendable {
    struct Hole: Sendable, Hashable {
        var from: Revision
        var through: Revision
    }

    /// What to do with an update from the queue.
    enum Decision: Sendable, Hashable {
        case route
        case routeAfter(Hole)
        /// It was dealt with already, when a hole was filled.
        case skip
    }

    private let isContiguous: Bool
    /// The last revision dealt with.
    private(set) var last: Revision
    /// How many drops were dealt with.
    private(set) var droppedSeen: UInt64 = 0

    init(isContiguous: Bool, last: Revision) {
        self.isContiguous = isContiguous
        self.last = last
    }

    mutating func popped(_ revision: Revision, droppedBefore: UInt64) -> Decision {
        let hole: Hole?
        if isContiguous {
            if revision <= last { return .skip }
            hole = revision > last + 1 ? Hole(from: last + 1, through: revision - 1) : nil
        } else {
            hole = droppedBefore > droppedSeen ? Hole(from: last + 1, through: max(last + 1, revision - 1)) : nil
        }
        droppedSeen = max(droppedSeen, droppedBefore)
        last = max(last, revision)
        return hole.map { .routeAfter($0) } ?? .route
    }

    /// The queue is empty, and so many updates were dropped up to now, through `revision`. Returns the hole at the end.
    mutating func drained(dropped: UInt64, through revision: Revision) -> Hole? {
        guard dropped > droppedSeen else { return nil }
        droppedSeen = dropped
        if isContiguous, revision <= last { return nil }
        let hole = Hole(from: last + 1, through: max(last + 1, revision))
        last = max(last, revision)
        return hole
    }
}
