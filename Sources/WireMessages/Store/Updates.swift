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
        self = try WatchUpdate([wire], at: revision).events[0]
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
        try self.init(parts.flatMap(\.events), at: first.revision, milliseconds: first.time)
    }

    /// At least one event.
    fileprivate init(_ wires: [WireEvent], at revision: Revision, milliseconds: Int64 = 0) throws {
        var storage: [UInt8] = []
        let entries = try wires.map { wire in
            guard wire.key.count <= UInt16.max else {
                throw MalformedMessage("a key has \(wire.key.count) bytes; no store has such")
            }
            let offset = storage.count
            storage += wire.key
            storage += wire.value
            return ChangeEntry(
                type: wire.isDelete ? .delete : .put, keyOffset: offset, keyLength: wire.key.count,
                valueOffset: offset + wire.key.count, valueLength: wire.value.count,
                createRevision: wire.createRevision, version: wire.version, lease: wire.lease,
                previousRevision: wire.previousRevision)
        }
        let batch = ChangeBatch(
            firstRevision: revision, storage: storage, entries: entries, recordStarts: [0, UInt32(entries.count)],
            commitTimes: [.init(record: 0, milliseconds: milliseconds)])
        self = batch.update(ofRecord: 0)
        if wires.contains(where: \.hasPrevious) {
            previous = wires.map { $0.hasPrevious ? KeyValue($0.previous) : nil }
        }
    }
}
