import CZlib
import NIOCore

/// Undoes gzip, for messages of clients that compress them.
enum Gzip {
    /// What `bytes` holds, at most `maximumBytes`: a few bytes may claim to be gigabytes.
    static func decompress(_ bytes: ByteBuffer, maximumBytes: Int) throws(Status) -> ByteBuffer {
        var stream = z_stream()
        // 15 bits of window, and 16 for gzip's header instead of zlib's.
        let status = inflateInit2_(&stream, 15 + 16, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        guard status == Z_OK else { throw Status(.internalError, "cannot decompress: zlib says \(status)") }
        defer { inflateEnd(&stream) }
        // One more than allowed, so that too much shows.
        var output = [UInt8](repeating: 0, count: min(maximumBytes + 1, max(1024, bytes.readableBytes * 8)))
        var produced = 0
        var input = Array(bytes.readableBytesView)
        var result = Z_OK
        // The pointers are used within the closures only; zlib keeps them until the next call, which sets them anew.
        input.withUnsafeMutableBufferPointer { input in
            stream.avail_in = UInt32(input.count)
            stream.next_in = input.baseAddress
            while result == Z_OK, produced <= maximumBytes {
                if produced == output.count {
                    output += [UInt8](repeating: 0, count: min(output.count, maximumBytes + 1 - output.count))
                }
                output.withUnsafeMutableBufferPointer { output in
                    stream.avail_out = UInt32(output.count - produced)
                    stream.next_out = output.baseAddress! + produced
                    result = inflate(&stream, Z_NO_FLUSH)
                    produced = output.count - Int(stream.avail_out)
                }
                if result == Z_OK, stream.avail_in == 0, stream.avail_out > 0 { break }
            }
        }
        if produced > maximumBytes {
            throw Status(
                .resourceExhausted, "a message has more than \(maximumBytes) bytes, the limit, when decompressed")
        }
        guard result == Z_STREAM_END else { throw Status(.internalError, "a message is not valid gzip") }
        return ByteBuffer(bytes: output[..<produced])
    }
}
