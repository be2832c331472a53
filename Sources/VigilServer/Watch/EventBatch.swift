import Threads
import Vigil
import WireMessages

/// Whole revisions of one watch that go to the client together.
struct EventBatch {
    private let watchID: Int64
    private let member: Member
    private let fragments: Bool
    private let wantsNothing: Bool
    private var events: [EtcdEvent] = []
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
            events.append(EtcdEvent(event))
        }
    }

    /// The next response: all events, or as many as a fragment may have. Nil if there are none.
    mutating func takeResponse() -> EtcdWatchResponse? {
        guard taken < events.count else { return nil }
        var end = events.count
        if fragments {
            var size = 0
            end = taken
            repeat {
                size += sizes[end]
                end += 1
            } while end < events.count && size + sizes[end] <= Limits.fragmentBytes
        }
        var response = EtcdWatchResponse()
        response.header = member.header(revision)
        response.watchID = watchID
        response.events = Array(events[taken..<end])
        response.fragment = end < events.count
        member.counters.events.add(end - taken)
        taken = end
        return response
    }
}
