import Changes
import LMDB

// LMDB's keys have at most 511 bytes, those of a store more. What is kept under a key that is longer is in the database
// `long`, a tree of rows in which each step takes 503 bytes of the key:
//
//     key       node, 8 bytes big-endian; a part of the key, at most 503 bytes
//     value     CRC-32C of the key above and the rest of this, 4 bytes little-endian; kind, 1 byte; then
//               for a link (kind 16):   the node that it leads to, 8 bytes little-endian
//               for an entry:           key length (varint), the whole key, what is kept under it
//
// One walks from the root of what is sought: 1 for `state`, 2 for `base`, 3 for `leased`. As long as 503 bytes of the key or
// more are left, a link under the node and the next 503 bytes leads on; the entry is under the last node and what is left.
// So a row with 503 bytes is a link and any other an entry, and a walk through a node, its links followed, meets keys in
// order. A node has no row of its own: it is there as long as a link leads to it, and that as long as there are rows under
// it. The number of a new one is greater than all that are in use, hence than that of the node which leads to it, so no walk
// goes round in a circle.
//
// Kinds of entries are 17, 18 and 19, in the order of the roots. An entry repeats the whole key, so that what is intact in a
// damaged store needs no links to be told.

/// What a row says. Valid as long as the bytes that it was read from.
enum LongRow {
    /// Whose keys are meant, and the node at which they begin.
    enum Root: UInt64, CaseIterable {
        case state = 1
        case base = 2
        case leased = 3

        fileprivate var kind: UInt8 { LongRow.linkKind + UInt8(rawValue) }
        fileprivate init?(kind: UInt8) { self.init(rawValue: UInt64(kind) &- UInt64(LongRow.linkKind)) }
    }

    case link(to: UInt64)
    case entry(Root, key: UnsafeRawBufferPointer, kept: UnsafeRawBufferPointer)

    /// Bytes of a key that one step takes: what LMDB leaves beside the node.
    static let stepBytes = Limits.storedKeyBytes - nodeBytes
    /// The first node that is no root, with room for more roots.
    static let firstNode: UInt64 = 16
    static let nodeBytes = 8
    private static let linkKind: UInt8 = 16

    /// The row under `row`, whose value is `value`, checked.
    init(_ row: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) throws(Malformed) {
        guard row.count >= Self.nodeBytes, value.count > 5 else {
            throw Malformed("row of \(row.count) and \(value.count) bytes")
        }
        guard value.littleEndian(0, as: UInt32.self) == checksum(of: value, under: row) else {
            throw Malformed("row checksum does not match")
        }
        let isLink = row.count == Self.nodeBytes + Self.stepBytes
        if isLink {
            guard value[4] == Self.linkKind, value.count == 13 else { throw Malformed("row that is no link") }
            let node = value.littleEndian(5, as: UInt64.self)
            guard node > row.node else { throw Malformed("link from node \(row.node) to \(node)") }
            self = .link(to: node)
            return
        }
        guard let root = Root(kind: value[4]) else { throw Malformed("row of kind \(value[4])") }
        var reader = ByteReader(UnsafeRawBufferPointer(rebasing: value[5...]))
        let place = try reader.lengthPrefixed()
        let key = UnsafeRawBufferPointer(rebasing: value[(5 + place.lowerBound)..<(5 + place.upperBound)])
        let rest = row.count - Self.nodeBytes
        guard key.count > Limits.storedKeyBytes, key.count % Self.stepBytes == rest,
            compareBytes(.init(rebasing: key.suffix(rest)), .init(rebasing: row[Self.nodeBytes...])) == 0
        else { throw Malformed("row of a key of \(key.count) bytes that does not belong there") }
        self = .entry(root, key: key, kept: reader.rest())
    }

    /// The row's key: `node`, and what of a key comes next.
    static func key(_ node: UInt64, _ part: UnsafeRawBufferPointer = .init(start: nil, count: 0)) -> [UInt8] {
        var row: [UInt8] = []
        row.reserveCapacity(nodeBytes + part.count)
        withUnsafeBytes(of: node.bigEndian) { row.append(contentsOf: $0) }
        row.append(contentsOf: part)
        return row
    }

    static func link(to node: UInt64, under row: [UInt8]) -> [UInt8] {
        var value: [UInt8] = [0, 0, 0, 0, linkKind]
        value.appendLittleEndian(node)
        row.withUnsafeBytes { value.seal(under: $0) }
        return value
    }

    static func entry(
        _ root: Root, _ key: UnsafeRawBufferPointer, _ kept: UnsafeRawBufferPointer, under row: [UInt8]
    ) -> [UInt8] {
        var value: [UInt8] = [0, 0, 0, 0, root.kind]
        value.reserveCapacity(8 + key.count + kept.count)
        value.appendVarint(UInt64(key.count))
        value.append(contentsOf: key)
        value.append(contentsOf: kept)
        row.withUnsafeBytes { value.seal(under: $0) }
        return value
    }
}

extension UnsafeRawBufferPointer {
    /// The node of a row's key, which must have one.
    var node: UInt64 { UInt64(bigEndian: loadUnaligned(as: UInt64.self)) }

    /// The steps of a key: all but the last take ``LongRow/stepBytes``.
    var steps: (whole: [UnsafeRawBufferPointer], rest: UnsafeRawBufferPointer) {
        let count = self.count / LongRow.stepBytes
        let whole = (0..<count).map {
            UnsafeRawBufferPointer(rebasing: self[($0 * LongRow.stepBytes)...].prefix(LongRow.stepBytes))
        }
        return (whole, UnsafeRawBufferPointer(rebasing: self[(count * LongRow.stepBytes)...]))
    }
}
