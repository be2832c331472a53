package import Vigil

#if canImport(FoundationEssentials)
    package import FoundationEssentials
#else
    package import Foundation
#endif

// The words of a store as messages of `vigil.v1.Store`, both ways. What comes from the wire is checked: a message that
// lacks something or goes beyond a limit is malformed, and nothing is made of it.

/// A message of the other side makes no sense.
package struct MalformedMessage: Error, CustomStringConvertible {
    package let description: String

    package init(_ description: String) {
        self.description = description
    }
}

extension Bytes {
    package init(_ data: Data) {
        self.init([UInt8](data))
    }
}

extension Data {
    package init(_ bytes: Bytes) {
        self = bytes.withUnsafeBytes { Data($0) }
    }
}

extension WireKeyRange {
    package init(_ keys: KeyRange) {
        self.init()
        switch keys {
        case .key(let key): self.key = Data(key)
        case .prefix(let prefix): self.prefix = Data(prefix)
        case .from(let start): from = Data(start)
        case .range(let start, let end):
            range.start = Data(start)
            range.end = Data(end)
        }
    }
}

extension KeyRange {
    package init(_ wire: WireKeyRange) throws {
        switch wire.keys {
        case .key(let key): self = .key(Bytes(key))
        case .prefix(let prefix): self = .prefix(Bytes(prefix))
        case .from(let start): self = .from(Bytes(start))
        case .range(let range): self = .range(Bytes(range.start), Bytes(range.end))
        case nil: throw MalformedMessage("the message names no keys")
        }
    }
}

extension WireKeyValue {
    package init(_ keyValue: KeyValue) {
        self.init()
        key = Data(keyValue.key)
        value = Data(keyValue.value)
        createRevision = keyValue.createRevision
        modRevision = keyValue.modRevision
        version = keyValue.version
        lease = keyValue.lease
    }
}

extension KeyValue {
    package init(_ wire: WireKeyValue) {
        self.init(
            key: Bytes(wire.key), value: Bytes(wire.value), createRevision: wire.createRevision,
            modRevision: wire.modRevision, version: wire.version, lease: wire.lease)
    }
}

extension WireStart {
    package init(_ start: WatchStart) {
        self.init()
        switch start {
        case .now: now = Now()
        case .revision(let revision): self.revision = revision
        case .earliest: earliest = Earliest()
        case .last(let count): last = Int64(count)
        case .time(let milliseconds): time = milliseconds
        case .snapshot: snapshot = Snapshot()
        case .cursor(let name): cursor = name
        }
    }
}

extension WatchStart {
    package init(_ wire: WireStart) throws {
        switch wire.start {
        case .now: self = .now
        case .revision(let revision): self = .revision(revision)
        case .earliest: self = .earliest
        case .last(let count): self = .last(Int(clamping: count))
        case .time(let milliseconds): self = .time(milliseconds: milliseconds)
        case .snapshot: self = .snapshot
        case .cursor(let name): self = .cursor(name)
        case nil: throw MalformedMessage("the message does not say where the watch starts")
        }
    }
}
