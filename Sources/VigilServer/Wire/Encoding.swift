import Vigil
import WireMessages

// The responses of watches, encoded by hand: they are most of what a server sends, and going through the messages'
// types would allocate several times for each event. The bytes are those that the types give (EncodingTests), with
// fields in the order of their numbers and those left out that are zero or empty:
//
//     WatchResponse   1 header, 2 watch_id, 7 fragment, 11 events
//     ResponseHeader  1 cluster_id, 2 member_id, 3 revision, 4 raft_term
//     Event           1 type (0 put, 1 delete), 2 kv, 3 prev_kv
//     KeyValue        1 key, 2 create_revision, 3 mod_revision, 4 version, 5 value, 6 lease
//
// All field numbers are below 16, so a tag is one byte.

/// Bytes of a protobuf message, in the making.
struct Encoding {
    private(set) var bytes: [UInt8] = []

    mutating func removeAll() {
        bytes.removeAll(keepingCapacity: true)
    }

    /// Adds what was encoded before.
    mutating func append(_ encoded: ArraySlice<UInt8>) {
        bytes.append(contentsOf: encoded)
    }

    fileprivate mutating func varint(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(truncatingIfNeeded: rest))
    }

    fileprivate mutating func integer(_ field: UInt8, _ value: UInt64) {
        guard value != 0 else { return }
        bytes.append(field << 3)
        varint(value)
    }

    fileprivate mutating func integer(_ field: UInt8, _ value: Int64) {
        integer(field, UInt64(bitPattern: value))
    }

    /// The tag and length of a field whose content follows.
    fileprivate mutating func begin(_ field: UInt8, count: Int) {
        bytes.append(field << 3 | 2)
        varint(UInt64(count))
    }

    fileprivate mutating func content(_ field: UInt8, _ content: Bytes) {
        guard !content.isEmpty else { return }
        begin(field, count: content.count)
        content.withUnsafeBytes { bytes.append(contentsOf: $0) }
    }
}

/// Bytes that parts of a message take.
private enum Size {
    static func varint(_ value: UInt64) -> Int { (70 - (value | 1).leadingZeroBitCount) / 7 }

    static func integer(_ value: UInt64) -> Int { value == 0 ? 0 : 1 + varint(value) }

    static func integer(_ value: Int64) -> Int { integer(UInt64(bitPattern: value)) }

    static func message(_ count: Int) -> Int { 1 + varint(UInt64(count)) + count }

    static func content(_ content: Bytes) -> Int { content.isEmpty ? 0 : message(content.count) }
}

extension Encoding {
    /// What comes before the events in a response of a watch, with the store at `revision`.
    mutating func watchResponse(_ watchID: Int64, revision: Revision, isFragment: Bool, _ member: Member) {
        let (cluster, id, head, term) = (member.clusterID, member.memberID, revision.headOnWire, Member.term)
        begin(1, count: Size.integer(cluster) + Size.integer(id) + Size.integer(head) + Size.integer(term))
        integer(1, cluster)
        integer(2, id)
        integer(3, head)
        integer(4, term)
        integer(2, watchID)
        integer(7, isFragment ? 1 as UInt64 : 0)
    }

    /// An event of such a response.
    mutating func event(_ event: WatchEvent) {
        let event = WireEvent(event)
        begin(11, count: event.size)
        integer(1, event.type)
        keyValue(2, event.current)
        if let previous = event.previous { keyValue(3, previous) }
    }

    /// Bytes that ``event(_:)`` adds.
    static func size(of event: WatchEvent) -> Int { Size.message(WireEvent(event).size) }

    private mutating func keyValue(_ field: UInt8, _ pair: WireKeyValue) {
        begin(field, count: pair.size)
        content(1, pair.key)
        integer(2, pair.createRevision)
        integer(3, pair.modRevision)
        integer(4, pair.version)
        content(5, pair.value)
        integer(6, pair.lease)
    }
}

/// What clients are told of a change.
private struct WireEvent {
    let type: UInt64
    let current: WireKeyValue
    let previous: WireKeyValue?

    init(_ event: WatchEvent) {
        type = event.type == .delete ? 1 : 0
        current = WireKeyValue(event)
        previous = event.previous.map(WireKeyValue.init)
    }

    var size: Int {
        Size.integer(type) + Size.message(current.size) + (previous.map { Size.message($0.size) } ?? 0)
    }
}

/// A key with what clients are told of it.
private struct WireKeyValue {
    let key: Bytes
    var value = Bytes.none
    var createRevision: Int64 = 0
    let modRevision: Int64
    var version: Int64 = 0
    var lease: Int64 = 0
    private(set) var size = 0

    /// What a change made of it; of a deleted key only when.
    init(_ event: WatchEvent) {
        key = event.key
        modRevision = event.revision.onWire
        if event.type == .put {
            value = event.value
            (createRevision, version, lease) = (event.createRevision.onWire, event.version, event.lease)
        }
        size = computedSize
    }

    init(_ pair: KeyValue) {
        (key, value, modRevision) = (pair.key, pair.value, pair.modRevision.onWire)
        (createRevision, version, lease) = (pair.createRevision.onWire, pair.version, pair.lease)
        size = computedSize
    }

    private var computedSize: Int {
        Size.content(key) + Size.integer(createRevision) + Size.integer(modRevision) + Size.integer(version)
            + Size.content(value) + Size.integer(lease)
    }
}

extension Bytes {
    fileprivate static let none = Bytes()
}
