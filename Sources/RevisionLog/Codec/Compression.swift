import CLZ4

/// LZ4's block format, without its frame: our own headers carry the lengths and the checksum.
enum Compression {
    /// How hard to look for repetitions. What either makes is expanded in the same way, and as fast.
    enum Effort {
        /// For what others wait for.
        case fast
        /// For what happens in the background: some six times slower, and of JSON-like changes a sixth smaller.
        case dense
    }

    /// `bytes` compressed, or nil if that would not make them smaller.
    static func compress(_ bytes: UnsafeRawBufferPointer, _ effort: Effort = .fast) -> [UInt8]? {
        guard bytes.count >= Limits.compressibleBytes, let source = bytes.baseAddress else { return nil }
        let room = bytes.count - 1
        let compressed = [UInt8](unsafeUninitializedCapacity: room) { target, count in
            count = Int(
                target.withMemoryRebound(to: CChar.self) { target in
                    let source = source.assumingMemoryBound(to: CChar.self)
                    let (size, room) = (Int32(bytes.count), Int32(room))
                    return switch effort {
                    case .fast: LZ4_compress_default(source, target.baseAddress!, size, room)
                    case .dense: LZ4_compress_HC(source, target.baseAddress!, size, room, Limits.denseLevel)
                    }
                })
        }
        return compressed.isEmpty ? nil : compressed
    }

    /// What `codec` made of `rawLength` bytes, undone: with the dictionary that it was made with, if there was one.
    static func expand(
        _ bytes: UnsafeRawBufferPointer, codec: StoredBlock.Codec, rawLength: Int, dictionary: [UInt8] = []
    ) throws(Malformed) -> [UInt8] {
        guard rawLength <= Limits.decodedBytes else {
            throw Malformed("claims \(rawLength) raw bytes; the limit is \(Limits.decodedBytes)")
        }
        switch codec {
        case .raw:
            guard bytes.count == rawLength else {
                throw Malformed("has \(bytes.count) bytes and claims \(rawLength)")
            }
            return Array(bytes)
        case .lz4:
            guard rawLength > 0, let source = bytes.baseAddress else { throw Malformed("is empty") }
            // Before memory is taken for what cannot be.
            guard rawLength / Limits.expansion <= bytes.count else {
                throw Malformed("claims \(rawLength) raw bytes in \(bytes.count)")
            }
            var written: Int32 = 0
            let raw = [UInt8](unsafeUninitializedCapacity: rawLength) { target, count in
                written = dictionary.withUnsafeBytes { dictionary in
                    target.withMemoryRebound(to: CChar.self) {
                        LZ4_decompress_safe_usingDict(
                            source.assumingMemoryBound(to: CChar.self), $0.baseAddress!, Int32(bytes.count),
                            Int32(rawLength), dictionary.baseAddress?.assumingMemoryBound(to: CChar.self),
                            Int32(dictionary.count))
                    }
                }
                count = max(0, Int(written))
            }
            guard raw.count == rawLength else { throw Malformed("does not decompress to \(rawLength) bytes") }
            return raw
        }
    }
}
