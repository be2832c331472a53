import CLZ4
import Changes

/// Compresses values with one dictionary. For one thread at a time.
final class DictionaryCompressor {
    let dictionary: ValueDictionary
    /// LZ4 points into it for as long as it is used.
    private let bytes: UnsafeMutableBufferPointer<CChar>
    /// LZ4's table of what is where in the dictionary, and a copy of it that the compression of one value spoils.
    private let loaded: UnsafeMutablePointer<LZ4_stream_t>
    private let working: UnsafeMutablePointer<LZ4_stream_t>

    init(_ dictionary: ValueDictionary) {
        self.dictionary = dictionary
        bytes = .allocate(capacity: dictionary.bytes.count)
        _ = bytes.initialize(from: dictionary.bytes.lazy.map { CChar(bitPattern: $0) })
        loaded = .allocate(capacity: 1)
        working = .allocate(capacity: 1)
        LZ4_initStream(loaded, MemoryLayout<LZ4_stream_t>.size)
        LZ4_loadDict(loaded, bytes.baseAddress, Int32(bytes.count))
    }

    deinit {
        bytes.deallocate()
        loaded.deallocate()
        working.deallocate()
    }

    /// `source` as an LZ4 block, if that takes no more than `room`.
    func compress(_ source: UnsafeRawBufferPointer, room: Int) -> [UInt8]? {
        guard let start = source.baseAddress else { return nil }
        // Copied: to load a dictionary again takes longer.
        working.update(from: loaded, count: 1)
        let compressed = [UInt8](unsafeUninitializedCapacity: room) { target, count in
            count = Int(
                target.withMemoryRebound(to: CChar.self) {
                    LZ4_compress_fast_continue(
                        working, start.assumingMemoryBound(to: CChar.self), $0.baseAddress!, Int32(source.count),
                        Int32(room), 1)
                })
        }
        return compressed.isEmpty ? nil : compressed
    }
}

/// A value compressed, where that saves enough.
struct PackedValue {
    /// The number of the dictionary; nil if it is compressed by itself.
    let dictionary: UInt32?
    let bytes: [UInt8]

    /// `value` compressed, with a dictionary if there is one; nil if it is to be stored as it is.
    init?(_ value: Bytes, _ compressor: DictionaryCompressor?) {
        let room = value.count - value.count / Limits.packedShare
        let compressor = Limits.alikeBytes.contains(value.count) ? compressor : nil
        let packed = value.withUnsafeBytes { value in
            if let compressor { return compressor.compress(value, room: room) }
            return value.count >= Limits.packedValueBytes ? Compression.compress(value) : nil
        }
        guard let packed, packed.count <= room else { return nil }
        dictionary = compressor?.dictionary.number
        bytes = packed
    }
}
