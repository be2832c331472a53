import NIOCore
import NIOEmbedded
import TestSupport
import Testing

@testable import GRPCServer

@Suite struct LateDataTests {
    private static let magic = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)

    private let channel = EmbeddedChannel(handler: LateData())

    private func passed() throws -> [UInt8] {
        var all: [UInt8] = []
        while let bytes = try channel.readInbound(as: ByteBuffer.self) { all += Array(buffer: bytes) }
        return all
    }

    private func written() throws -> [UInt8] {
        var all: [UInt8] = []
        while case .byteBuffer(let bytes) = try channel.readOutbound(as: IOData.self) { all += Array(buffer: bytes) }
        return all
    }

    private func read(_ bytes: [UInt8]) throws { try channel.writeInbound(ByteBuffer(bytes: bytes)) }

    /// Any frames, in any pieces: what passes is all but the data behind a reset of its stream.
    @Test func nothingElseIsDropped() throws {
        for seed: UInt64 in 0..<300 {
            var random = SeededGenerator(seed)
            let channel = EmbeddedChannel(handler: LateData())
            var (sent, expected, cancelled) = (Self.magic, Self.magic, Set<UInt32>())
            for _ in 0..<40 {
                let type = random.chance(2) ? RawFrame.data : UInt8(random.below(10))
                let stream = UInt32(random.below(6))
                let payload = (0..<random.below(30)).map { _ in UInt8(random.below(256)) }
                // The highest bit of a stream means nothing.
                let bit: UInt32 = random.chance(4) ? 0x8000_0000 : 0
                let frame = RawFrame.frame(type, flags: UInt8(random.below(256)), stream: stream | bit, payload)
                sent += frame
                if type != RawFrame.data || !cancelled.contains(stream) { expected += frame }
                if type == RawFrame.reset { cancelled.insert(stream) }
            }
            var passed: [UInt8] = []
            while !sent.isEmpty {
                let piece = sent.prefix(1 + random.below(random.chance(2) ? 4 : 60))
                sent.removeFirst(piece.count)
                try channel.writeInbound(ByteBuffer(bytes: piece))
                while let bytes = try channel.readInbound(as: ByteBuffer.self) { passed += Array(buffer: bytes) }
            }
            #expect(passed == expected, "seed \(seed)")
        }
    }

    /// Else a client that cancels often could send nothing any more.
    @Test func theClientGetsItsWindowBack() throws {
        try read(Self.magic + RawFrame.frame(RawFrame.reset, stream: 1, [0, 0, 0, 8]))
        let frame = RawFrame.frame(RawFrame.data, stream: 1, [UInt8](repeating: 0, count: Limits.frameBytes))
        let frames = Limits.connectionWindowBytes / 4 / Limits.frameBytes
        for _ in 1..<frames { try read(frame) }
        #expect(try written() == [])
        try read(frame)
        let bytes = RawFrame.bytes(UInt32(Limits.connectionWindowBytes / 4))
        #expect(try written() == RawFrame.frame(RawFrame.windowUpdate, bytes))
        _ = try passed()
    }

    @Test func whatTheServerHasReset() throws {
        let late = LateData()
        let channel = EmbeddedChannel(handler: late)
        try channel.writeInbound(ByteBuffer(bytes: Self.magic))
        late.ended(3)
        for stream: UInt32 in [1, 3, 5] {
            try channel.writeInbound(ByteBuffer(bytes: RawFrame.frame(RawFrame.data, stream: stream, [7])))
        }
        var passed: [UInt8] = []
        while let bytes = try channel.readInbound(as: ByteBuffer.self) { passed += Array(buffer: bytes) }
        #expect(passed == Self.magic + [1, 5].flatMap { RawFrame.frame(RawFrame.data, stream: $0, [7]) })
    }

    @Test func onlyTheLastAreRemembered() throws {
        var recent = RecentStreams(limit: 3)
        for stream: UInt32 in [9, 1, 3, 5] { recent.insert(stream) }
        #expect([1, 3, 5, 7, 9, 11].filter { recent.contains($0) } == [1, 3, 5])
    }
}
