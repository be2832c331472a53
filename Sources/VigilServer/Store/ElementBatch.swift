import Vigil
import WireMessages

/// Elements of one watch that go to the client together; of a large revision only a part, that another one continues.
struct ElementBatch {
    private var parts: [(element: WireWatchResponse.Element, size: Int)] = []
    private var bytes = 0
    private var taken = 0
    private var isBegun = false
    /// What is not in `parts` yet of a large update, which comes last.
    private var rest: (next: WatchEvent, others: WatchUpdate.Iterator)?

    var isFull: Bool { bytes >= Limits.responseBytes || rest != nil }

    /// Whether a response was taken and another has to follow.
    var hasMore: Bool { isBegun && taken < parts.count }

    mutating func add(_ element: WatchElement) {
        switch element {
        case .update(let update): add(update)
        case .state(let keyValues): add(keyValues)
        case .synced(let revision): add(Limits.eventOverhead) { $0.synced = revision }
        case .progress(let revision): add(Limits.eventOverhead) { $0.progress = revision }
        // Comes with another policy.
        case .gap: break
        }
    }

    private mutating func add(_ update: WatchUpdate) {
        var events = update.makeIterator()
        guard let first = events.next() else { return }
        addPart(first, events, committedAt: update.commitMilliseconds)
    }

    /// Adds as many events of an update as one response has room for.
    private mutating func addPart(_ first: WatchEvent, _ others: WatchUpdate.Iterator, committedAt time: Int64) {
        var others = others
        var part = WireUpdate()
        part.revision = first.revision
        part.time = time
        var size = 0
        var next: WatchEvent? = first
        while size < Limits.responseBytes, let event = next {
            let wire = WireEvent(event)
            size += wire.size
            part.events.append(wire)
            next = others.next()
        }
        rest = next.map { ($0, others) }
        part.isContinued = rest != nil
        add(size) { $0.update = part }
    }

    private mutating func add(_ keyValues: [KeyValue]) {
        var state = WireWatchResponse.State()
        var size = 0
        for keyValue in keyValues {
            if size >= Limits.responseBytes {
                add(size) { [state] in $0.state = state }
                state.keyValues = []
                size = 0
            }
            size += keyValue.key.count + keyValue.value.count + Limits.eventOverhead
            state.keyValues.append(WireKeyValue(keyValue))
        }
        add(size) { $0.state = state }
    }

    private mutating func add(_ size: Int, _ fill: (inout WireWatchResponse.Element) -> Void) {
        var element = WireWatchResponse.Element()
        fill(&element)
        parts.append((element, size))
        bytes += size
    }

    /// As many as one response has room for; nil if there are no more.
    mutating func takeResponse() -> WireWatchResponse? {
        guard taken < parts.count else { return nil }
        isBegun = true
        var response = WireWatchResponse()
        var size = 0
        repeat {
            response.elements.append(parts[taken].element)
            size += parts[taken].size
            taken += 1
        } while taken < parts.count && size + parts[taken].size <= Limits.responseBytes
        if taken == parts.count, let (next, others) = rest {
            let time = response.elements[response.elements.count - 1].update.time
            parts.removeAll()
            (taken, bytes) = (0, 0)
            addPart(next, others, committedAt: time)
        }
        return response
    }
}
