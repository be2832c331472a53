import CZlib
import GRPCClient
import NIOCore
import NIOHPACK
import TestSupport
import Testing

@testable import GRPCServer

/// The pieces of the wire, one by one.
@Suite(.timeLimit(.minutes(1))) struct WireTests {
    /// Messages cut into pieces at random come out whole.
    @Test(arguments: [UInt64.random(in: 0 ... .max)])
    func messagesInPieces(_ seed: UInt64) throws {
        var random = SeededGenerator(seed)
        for _ in 0..<200 {
            let messages = (0..<random.below(8)).map { _ in
                [UInt8](repeating: UInt8(random.below(256)), count: random.below(300))
            }
            var bytes = messages.flatMap { Array(buffer: ByteBuffer(framing: $0)) }[...]
            var deframer = Deframer(maximumBytes: 300)
            var found: [[UInt8]] = []
            while !bytes.isEmpty {
                let piece = bytes.prefix(1 + random.below(50))
                bytes = bytes.dropFirst(piece.count)
                deframer.append(ByteBuffer(bytes: piece))
                while let message = try deframer.next() { found.append(Array(buffer: message.bytes)) }
            }
            #expect(found == messages, "seed \(seed)")
            #expect(!deframer.isInMessage)
        }
    }

    @Test(arguments: [
        ("", ""), ("plain text", "plain text"), ("100%", "100%25"), ("é", "%C3%A9"), ("a\tb", "a%09b"),
        (String(repeating: "é", count: 600), String(repeating: "%C3%A9", count: 512)),
    ])
    func statusMessages(_ message: String, _ encoded: String) {
        #expect(StatusMessage.encode(message) == encoded)
    }

    @Test func timeouts() {
        #expect(TimeAmount(timeout: "1H") == .hours(1))
        #expect(TimeAmount(timeout: "2M") == .minutes(2))
        #expect(TimeAmount(timeout: "3S") == .seconds(3))
        #expect(TimeAmount(timeout: "4m") == .milliseconds(4))
        #expect(TimeAmount(timeout: "5u") == .microseconds(5))
        #expect(TimeAmount(timeout: "99999999n") == .nanoseconds(99_999_999))
    }

    @Test func compressedMessages() async throws {
        let message = [UInt8](repeating: 7, count: 50_000)
        try await withServer([Methods.echo]) { client, _ in
            let call = try await client.call("/test.Test/Echo", headers: ["grpc-encoding": "gzip"])
            try await call.send(gzip(message), isLast: true, isCompressed: true)
            #expect(try await call.answer().messages == [message])
        }
    }

    @Test func whatIsNotAsItWasCompressed() async throws {
        var options = ServerOptions()
        options.maximumMessageBytes = 10_000
        try await withServer([Methods.echo], options: options) { client, _ in
            func status(_ bytes: [UInt8], _ encoding: String) async throws -> Int? {
                let call = try await client.call("/test.Test/Echo", headers: ["grpc-encoding": encoding])
                try await call.send(bytes, isLast: true, isCompressed: true)
                return try await call.answer().status
            }
            let small = gzip([1, 2, 3])
            let plain = try await status(small, "gzip")
            #expect(plain == 0)
            let undeclared = try await status(small, "identity")
            #expect(undeclared == 13)
            let unknown = try await status(small, "snappy")
            #expect(unknown == 12)
            let cut = try await status(Array(small.dropLast(9)), "gzip")
            #expect(cut == 13)
            let garbage = try await status([1, 2, 3], "gzip")
            #expect(garbage == 13)
            let empty = try await status([], "gzip")
            #expect(empty == 13)
            // A thousand bytes that would be a megabyte.
            let bomb = gzip([UInt8](repeating: 0, count: 1 << 20))
            #expect(bomb.count < 10_000)
            let tooMuch = try await status(bomb, "gzip")
            #expect(tooMuch == 8)
        }
    }
}

func gzip(_ bytes: [UInt8]) -> [UInt8] {
    var stream = z_stream()
    deflateInit2_(
        &stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
    defer { deflateEnd(&stream) }
    var input = bytes
    var output = [UInt8](repeating: 0, count: bytes.count + 100)
    input.withUnsafeMutableBufferPointer { input in
        output.withUnsafeMutableBufferPointer { output in
            stream.next_in = input.baseAddress
            stream.avail_in = UInt32(input.count)
            stream.next_out = output.baseAddress
            stream.avail_out = UInt32(output.count)
            deflate(&stream, Z_FINISH)
        }
    }
    return Array(output.prefix(output.count - Int(stream.avail_out)))
}
