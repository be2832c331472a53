package import Vigil

extension WireEvent {
    package init(_ event: WatchEvent) {
        self.init()
        isDelete = event.type == .delete
        key = .init(event.key)
        value = .init(event.value)
        createRevision = event.createRevision
        version = event.version
        lease = event.lease
        previousRevision = event.previousRevision
        if let previous = event.previous { self.previous = WireKeyValue(previous) }
    }

    /// Bytes that it takes, about.
    package var size: Int {
        key.count + value.count + (hasPrevious ? previous.key.count + previous.value.count : 0) + Limits.eventOverhead
    }
}

extension WatchEvent {
    package init(_ wire: WireEvent, at revision: Revision) throws {
        guard wire.key.count <= UInt16.max else {
            throw MalformedMessage("a key has \(wire.key.count) bytes; no store has such")
        }
        self.init(
            type: wire.isDelete ? .delete : .put, key: Bytes(wire.key), value: Bytes(wire.value), revision: revision,
            createRevision: wire.createRevision, version: wire.version, lease: wire.lease,
            previousRevision: wire.previousRevision, previous: wire.hasPrevious ? KeyValue(wire.previous) : nil)
    }
}

extension WireUpdate {
    package init(_ update: WatchUpdate) {
        self.init()
        revision = update.revision
        time = update.commitMilliseconds
        events = update.map { WireEvent($0) }
    }
}

extension WatchUpdate {
    /// All parts of one revision.
    package init(_ parts: [WireUpdate]) throws {
        guard let first = parts.first, first.revision >= 1, parts.contains(where: { !$0.events.isEmpty }) else {
            throw MalformedMessage("an update changes nothing")
        }
        guard parts.allSatisfy({ $0.revision == first.revision }) else {
            throw MalformedMessage("an update of revision \(first.revision) goes on with another")
        }
        let events = try parts.flatMap { part in try part.events.map { try WatchEvent($0, at: first.revision) } }
        let batch = ChangeBatch(revision: first.revision, events: events, milliseconds: first.time)
        self = batch.update(ofRecord: 0)
        if events.contains(where: { $0.previous != nil }) { previous = events.map(\.previous) }
    }
}
