import Vigil
import WireMessages

/// Elements of one watch that go to the client together; of a large revision only a part, that another one continues.
struct ElementBatch {
    private var parts: [(element: WireWatchResponse.Element, size: Int)] = []
    private var bytes = 0
    private var taken = 0

    var isFull: Bool { bytes >= Limits.responseBytes }

    /// Whether a response was taken and another has to follow.
    var hasMore: Bool { taken > 0 && taken < parts.count }

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
        var part = WireUpdate()
        part.revision = update.revision
        part.time = update.commitMilliseconds
        var size = 0
        for event in update {
            if size >= Limits.responseBytes {
                part.isContinued = true
                add(size) { [part] in $0.update = part }
                part.isContinued = false
                part.events = []
                size = 0
            }
            let wire = WireEvent(event)
            size += wire.size
            part.events.append(wire)
        }
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
        var response = WireWatchResponse()
        var size = 0
        repeat {
            response.elements.append(parts[taken].element)
            size += parts[taken].size
            taken += 1
        } while taken < parts.count && size + parts[taken].size <= Limits.responseBytes
        return response
    }
}
