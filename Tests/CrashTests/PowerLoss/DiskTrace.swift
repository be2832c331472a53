import CDiskShim
import Foundation
import Testing

/// What a program did to the files of one directory, in order, as the shim between it and the disk recorded it
/// (`CDiskShim/include/disk_shim.h` has the format).
struct DiskTrace {
    /// One operation, after it was done.
    struct Record {
        var kind: disk_record
        var file: UInt64
        var offset: Int
        /// The number of the first record that a flush does not cover.
        var begun: Int
        var payload: Range<Int>
    }

    private let bytes: [UInt8]
    private(set) var records: [Record] = []

    init(_ path: String) throws {
        bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
        var offset = 0
        while offset < bytes.count {
            let header = offset
            func number<N: FixedWidthInteger>(_ place: Int, as: N.Type) -> N {
                bytes.withUnsafeBytes { N(littleEndian: $0.loadUnaligned(fromByteOffset: header + place, as: N.self)) }
            }
            try #require(offset + 32 <= bytes.count, "the trace ends in the middle of a record")
            let payload = offset + 32..<offset + 32 + Int(number(4, as: UInt32.self))
            try #require(payload.upperBound <= bytes.count, "the trace ends in the middle of a record")
            records.append(
                Record(
                    kind: disk_record(number(0, as: UInt32.self)), file: number(8, as: UInt64.self),
                    offset: Int(number(16, as: UInt64.self)), begun: Int(number(24, as: UInt64.self)), payload: payload)
            )
            offset = payload.upperBound
        }
    }

    func text(_ record: Record) -> String { String(decoding: bytes[record.payload], as: UTF8.self) }

    /// Copies what `record` wrote.
    func bytes(_ record: Record) -> [UInt8] { Array(bytes[record.payload]) }
}
