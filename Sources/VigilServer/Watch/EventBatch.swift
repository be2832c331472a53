import GRPCServer
import Threads
import Vigil
import WireMessages

/// Whole revisions of one watch that go to the client together, encoded as they are added. To be used for one watch after
/// the other: its memory, and the last events, which many watches of a stream see, are kept.
struct EventBatch {
    private let member: Member
    private var watchID: Int64 = 0
    private var fragments = false
    private var wantsNothing = false
    private var events = Encoding()
    /// Of each event the revision, and where it ends.
    private var marks: [(revision: Revision, end: Int)] = []
    /// How many events are in responses that were taken.
    private var taken = 0
    private var encoded: EncodedEvents?
    private var head = Encoding()

    /// With `sharing` for many watches, which see the same events.
    init(member: Member, sharing: Bool = false) {
        self.member = member
        encoded = sharing ? EncodedEvents() : nil
    }

    var isEmpty: Bool { marks.isEmpty }
    var isFull: Bool { events.bytes.count >= Limits.responseBytes }

    /// Whether there are events of which no response was taken.
    var hasMore: Bool { taken < marks.count }

    /// The revision of the last event.
    var last: Revision? { marks.last?.revision }

    /// Makes it an empty batch for this watch.
    mutating func begin(_ watchID: Int64, _ request: EtcdWatchCreateRequest) {
        begin()
        wantsNothing = request.wantsNothing
        address(watchID, request)
    }

    /// Makes it an empty batch of a watch that ``address(_:_:from:)`` will name.
    mutating func begin() {
        wantsNothing = false
        events.removeAll()
        encoded?.begin()
        marks.removeAll(keepingCapacity: true)
        taken = 0
    }

    /// Has the events that are there, from `revision` on, taken for this watch.
    mutating func address(_ watchID: Int64, _ request: EtcdWatchCreateRequest, from revision: Revision = 0) {
        self.watchID = watchID
        fragments = request.fragment
        taken = marks.firstIndex { $0.revision >= revision } ?? marks.count
    }

    /// Bytes of memory that are kept for what is encoded next.
    var keptBytes: Int { events.bytes.capacity + (encoded?.keptBytes ?? 0) }

    /// Lets go of the memory that large events took: a stream may rest for years.
    mutating func rest() {
        encoded?.rest()
        if events.bytes.capacity > Limits.keptBytes { (events, marks) = (Encoding(), []) }
    }

    /// What an element is that is no change to be encoded with others.
    enum Other {
        /// Everything up to here was delivered.
        case progress(Revision)
        /// Changes that are too large for that.
        case large(LargeUpdate)
    }

    /// Adds an element, unless it is another: returns it then.
    mutating func add(_ element: WatchElement) -> Other? {
        switch element {
        case .update(let update):
            if wantsNothing { return nil }
            if let large = LargeUpdate(update) { return .large(large) }
            add(update)
            return nil
        case .progress(let revision): return .progress(revision)
        // Those come with other starts and policies.
        case .state, .synced, .gap: return nil
        }
    }

    private mutating func add(_ update: WatchUpdate) {
        let revision = update.revision
        if update.isOneChange, let event = encoded?.event(of: update) {
            events.append(event)
            marks.append((revision, events.bytes.count))
        } else {
            for event in update {
                events.event(event)
                marks.append((revision, events.bytes.count))
            }
        }
    }

    /// Adds the next response to `messages`: all events, or as many as a fragment may have.
    mutating func takeResponse(into messages: inout OutgoingMessages) {
        guard taken < marks.count else { return }
        let (first, start) = (taken, taken == 0 ? 0 : marks[taken - 1].end)
        taken = marks.count
        if fragments, events.bytes.count - start > Limits.fragmentBytes {
            taken = max(first + 1, marks.firstIndex { $0.end - start > Limits.fragmentBytes } ?? marks.count)
        }
        member.counters.events.add(taken - first)
        head.removeAll()
        head.watchResponse(watchID, revision: marks[marks.count - 1].revision, isFragment: hasMore, member)
        messages.append(head.bytes, events.bytes[start..<marks[taken - 1].end])
    }
}

extension WatchUpdate {
    /// Whether its revision made one change, without what the key held before.
    fileprivate var isOneChange: Bool { previous == nil && batch.entryIndices(ofRecord: Int(record)).count == 1 }
}
