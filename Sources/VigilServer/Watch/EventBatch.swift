import Threads
import Vigil
import WireMessages

/// Whole revisions of one watch that go to the client together.
struct EventBatch {
    private let watchID: Int64
    private let member: Member
    private let fragments: Bool
    private let wantsNothing: Bool
    private var events: [WatchEvent] = []
    private var sizes: [Int] = []
    private var bytes = 0
    private var revision: Revision = 0
    private var taken = 0

    init(watchID: Int64, request: EtcdWatchCreateRequest, member: Member) {
        self.watchID = watchID
        self.member = member
        fragments = request.fragment
        wantsNothing = request.wantsNothing
    }

    var isEmpty: Bool { events.isEmpty }

    var isFull: Bool { bytes >= Limits.responseBytes }

    /// Whether a response was taken and another has to follow.
    var hasMore: Bool { taken > 0 && taken < events.count }

    /// Adds an element. Returns the revision if it is no change but says that everything up to it was delivered.
    mutating func add(_ element: WatchElement) -> Revision? {
        switch element {
        case .update(let update): add(update)
        case .progress(let revision): return revision
        // Those come with other starts and policies.
        case .state, .synced, .gap: break
        }
        return nil
    }

    private mutating func add(_ update: WatchUpdate) {
        guard !wantsNothing else { return }
        revision = update.revision
        for event in update {
            let size =
                event.key.count + event.value.count + Limits.eventOverhead
                + (event.previous.map { $0.key.count + $0.value.count } ?? 0)
            bytes += size
            sizes.append(size)
            events.append(event)
        }
    }

    /// The next response, encoded: all events, or as many as a fragment may have. Nil if there are none.
    mutating func takeResponse() -> [UInt8]? {
        guard taken < events.count else { return nil }
        let first = taken
        var size = 0
        repeat {
            size += sizes[taken]
            taken += 1
        } while taken < events.count && (!fragments || size + sizes[taken] <= Limits.fragmentBytes)
        member.counters.events.add(taken - first)
        return member.watchResponse(
            watchID, revision: revision, events: events[first..<taken], isFragment: taken < events.count,
            capacity: size)
    }
}
