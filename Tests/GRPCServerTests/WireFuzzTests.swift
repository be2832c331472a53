import CZlib
import Foundation
import GRPCClient
import GRPCWire
import NIOCore
import NIOHPACK
import TestSupport
import Testing

@testable import GRPCServer

/// What clients send, changed at random: the server may refuse it, and goes on. `VIGIL_FUZZ_ROUNDS` says how often.
@Suite(.timeLimit(.minutes(10))) struct WireFuzzTests {
    private static let rounds =
        ProcessInfo.processInfo.environment["VIGIL_FUZZ_ROUNDS"].flatMap { Int($0) } ?? 300

    /// Whole connections of well-behaved clients.
    private static let conversations: [[UInt8]] = {
        let echo = RawFrame.request()
        let echoes = RawFrame.request("/test.Test/Echoes")
        let zipped: [UInt8] = [1, 0, 0, 0, 8, 0x1F, 0x8B, 8, 0, 0, 0, 0, 0]
        let unary: [[UInt8]] = [
            RawFrame.frame(1, flags: 4, stream: 1, echo), RawFrame.frame(0, flags: 1, stream: 1, [0, 0, 0, 0, 1, 7]),
        ]
        let streaming: [[UInt8]] = [
            RawFrame.frame(1, flags: 4, stream: 1, echoes), RawFrame.frame(0, stream: 1, [0, 0, 0, 0, 2, 7]),
            RawFrame.frame(0, stream: 1, [8]), RawFrame.frame(8, stream: 1, [0, 0, 1, 0]),
            RawFrame.frame(6, [1, 2, 3, 4, 5, 6, 7, 8]), RawFrame.frame(0, flags: 1, stream: 1),
        ]
        let split: [[UInt8]] = [
            RawFrame.frame(1, stream: 1, Array(echo.prefix(20))),
            RawFrame.frame(9, flags: 4, stream: 1, Array(echo.dropFirst(20))),
            RawFrame.frame(0, flags: 9, stream: 1, [2, 0, 0, 0, 0, 1, 7, 0, 0]),
        ]
        var many: [[UInt8]] = []
        for stream: UInt32 in [1, 3, 5, 7, 9] {
            many.append(RawFrame.frame(1, flags: 4, stream: stream, echoes + RawFrame.header("grpc-timeout", "1S")))
            many.append(RawFrame.frame(3, stream: stream, [0, 0, 0, 8]))
        }
        let compressed: [[UInt8]] = [
            RawFrame.frame(1, flags: 4, stream: 1, echo + RawFrame.header("grpc-encoding", "gzip")),
            RawFrame.frame(0, flags: 1, stream: 1, zipped),
        ]
        let ended = unary + [RawFrame.frame(4, flags: 1), RawFrame.frame(7, [0, 0, 0, 0, 0, 0, 0, 0])]
        return [unary, streaming, split, many, compressed, ended].map { frames in
            RawConnection.preface + frames.flatMap { $0 }
        }
    }()

    @Test(arguments: [UInt64.random(in: 0 ... .max)]) func connections(_ seed: UInt64) async throws {
        var options = ServerOptions()
        options.handshakeTimeout = .seconds(1)
        options.keepaliveInterval = .seconds(1)
        options.keepaliveTimeout = .seconds(1)
        try await withServer([Methods.echo, Methods.echoes], options: options) { client, address in
            var random = SeededGenerator(seed)
            for round in 0..<Self.rounds {
                let connection = try await RawConnection.connect(to: address)
                var bytes = random.mutate(Self.conversations, keeping: random.chance(8) ? 0 : 24)
                // In pieces, as networks deliver.
                while !bytes.isEmpty {
                    let piece = bytes.prefix(random.chance(2) ? bytes.count : 1 + random.below(30))
                    try? await connection.write(Array(piece))
                    bytes.removeFirst(piece.count)
                }
                if random.chance(2) { try? await connection.close() }
                if round % 20 == 0 {
                    let status = try await client.unary("/test.Test/Echo", [1], timeout: .seconds(10)).status
                    #expect(status == 0, "seed \(seed), round \(round)")
                }
            }
        }
    }

    /// What does not need a connection, much more often.
    @Test(arguments: [UInt64.random(in: 0 ... .max)]) func parsers(_ seed: UInt64) {
        var random = SeededGenerator(seed)
        let messages = ByteBuffer(framing: [1, 2, 3]) + ByteBuffer(framing: []) + ByteBuffer(framing: [9])
        let timeouts = ["1S", "99999999H", "5m", "0n"].map { Array($0.utf8) }
        let zipped = [gzip([UInt8](repeating: 7, count: 500)), gzip(Array("vigil".utf8))]
        for _ in 0..<Self.rounds * 20 {
            var deframer = Deframer(maximumBytes: 100)
            deframer.append(ByteBuffer(bytes: random.mutate([messages], keeping: 0)))
            while let message = try? deframer.next() { #expect(message.bytes.readableBytes <= 100, "seed \(seed)") }
            if let text = String(validating: random.mutate(timeouts, keeping: 0), as: UTF8.self),
                let timeout = TimeAmount(timeout: text)
            {
                #expect(timeout >= .nanoseconds(0), "seed \(seed): \(text)")
            }
            let bytes = ByteBuffer(bytes: random.mutate(zipped, keeping: 0))
            if let plain = try? Gzip.decompress(bytes, maximumBytes: 600) {
                #expect(plain.readableBytes <= 600, "seed \(seed)")
            }
            var headers = HPACKHeaders()
            for name in [":method", ":path", "content-type", "grpc-timeout", "grpc-encoding"] {
                let value = random.mutate([Array("application/grpc".utf8)] + timeouts, keeping: 0)
                headers.add(name: name, value: String(decoding: value, as: UTF8.self))
            }
            headers.replaceOrAdd(name: ":method", value: "POST")
            _ = try? RequestHead(headers)
        }
    }
}

private func + (first: ByteBuffer, second: ByteBuffer) -> [UInt8] { Array(buffer: first) + Array(buffer: second) }
private func + (first: [UInt8], second: ByteBuffer) -> [UInt8] { first + Array(buffer: second) }

extension SeededGenerator {
    /// One of `samples` with a few changes behind its first `kept` bytes.
    fileprivate mutating func mutate(_ samples: [[UInt8]], keeping kept: Int) -> [UInt8] {
        var bytes = samples[below(samples.count)]
        for _ in 0..<1 + below(4) where bytes.count > kept {
            let position = kept + below(bytes.count - kept)
            let length = 1 + below(min(16, bytes.count - position))
            switch below(6) {
            case 0: bytes[position] ^= 1 << UInt8(below(8))
            case 1: bytes[position] = [0, 1, 0x7F, 0x80, 0xFF][below(5)]
            case 2: bytes.removeSubrange(position..<position + length)
            case 3: bytes.insert(contentsOf: bytes[position..<position + length], at: position)
            case 4: bytes.insert(contentsOf: (0..<length).map { _ in UInt8(below(256)) }, at: position)
            default: bytes += samples[below(samples.count)].dropFirst(kept)
            }
        }
        return bytes
    }
}
