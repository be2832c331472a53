import NIOCore
import NIOEmbedded
import Testing

@testable import GRPCServer

@Suite struct FlushGateTests {
    private let channel: EmbeddedChannel
    private let gate = FlushGate()
    private let acknowledgement = RawFrame.frame(RawFrame.ping, flags: 1, [1, 2, 3, 4, 5, 6, 7, 8])

    init() throws {
        channel = EmbeddedChannel(handler: gate)
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
    }

    private func write(_ bytes: [UInt8]) {
        channel.writeAndFlush(IOData.byteBuffer(ByteBuffer(bytes: bytes)), promise: nil)
    }

    private func written() throws -> [UInt8] {
        var all: [UInt8] = []
        while case .byteBuffer(let bytes) = try channel.readOutbound(as: IOData.self) { all += Array(buffer: bytes) }
        return all
    }

    private func advance(milliseconds: Int64) {
        channel.embeddedEventLoop.advanceTime(by: .milliseconds(milliseconds))
    }

    /// Everything but the acknowledgement of a ping: a ping of ours, a frame as long, part of a frame that looks so far
    /// like one, nothing.
    @Test(arguments: [
        RawFrame.frame(RawFrame.ping, [1, 2, 3, 4, 5, 6, 7, 8]),
        RawFrame.frame(RawFrame.windowUpdate, flags: 1, [1, 2, 3, 4, 5, 6, 7, 8]),
        Array(RawFrame.frame(RawFrame.ping, flags: 1, [1, 2, 3, 4, 5, 6, 7, 8]).dropLast()),
        [],
    ])
    func everythingElseLeavesAtOnce(bytes: [UInt8]) throws {
        write(bytes)
        #expect(try written() == bytes)
    }

    @Test func anAcknowledgementLeavesWithWhatIsWrittenNext() throws {
        write(acknowledgement)
        write(acknowledgement)
        #expect(try written() == [])
        write([42])
        #expect(try written() == acknowledgement + acknowledgement + [42])
        write([43])
        #expect(try written() == [43])
    }

    @Test func itLeavesWithWhatWasWrittenBefore() throws {
        channel.write(IOData.byteBuffer(ByteBuffer(bytes: [42])), promise: nil)
        write(acknowledgement)
        #expect(try written() == [42] + acknowledgement)
    }

    @Test func itWaitsForAMomentOnly() throws {
        write(acknowledgement)
        advance(milliseconds: Limits.acknowledgementMilliseconds - 1)
        #expect(try written() == [])
        advance(milliseconds: 1)
        #expect(try written() == acknowledgement)
        // The next may wait as long.
        write(acknowledgement)
        advance(milliseconds: Limits.acknowledgementMilliseconds - 1)
        #expect(try written() == [])
        advance(milliseconds: 1)
        #expect(try written() == acknowledgement)
    }

    @Test func aTimerThatWasNotNeededWritesNothing() throws {
        write(acknowledgement)
        write([42])
        #expect(try written() == acknowledgement + [42])
        channel.write(IOData.byteBuffer(ByteBuffer(bytes: [43])), promise: nil)
        advance(milliseconds: Limits.acknowledgementMilliseconds)
        // Whoever wrote it will flush.
        #expect(try written() == [])
    }

    @Test func closingLosesNothing() throws {
        write(acknowledgement)
        try channel.close().wait()
        #expect(try written() == acknowledgement)
    }

    // MARK: Shut

    @Test func nothingPassesWhileItIsShut() throws {
        gate.shut()
        write([1])
        write(acknowledgement)
        channel.write(IOData.byteBuffer(ByteBuffer(bytes: [2])), promise: nil)
        advance(milliseconds: Limits.acknowledgementMilliseconds * 2)
        #expect(try written() == [])
        gate.open()
        #expect(try written() == [1] + acknowledgement + [2])
        write([3])
        #expect(try written() == [3])
    }

    @Test func whatWasHeldLeavesBehindWhatWasWrittenBefore() throws {
        write(acknowledgement)
        gate.shut()
        write([1])
        gate.open()
        #expect(try written() == acknowledgement + [1])
    }

    @Test func whatIsDroppedNeverLeaves() throws {
        gate.shut()
        let promise = channel.eventLoop.makePromise(of: Void.self)
        channel.write(IOData.byteBuffer(ByteBuffer(bytes: [1])), promise: promise)
        gate.drop()
        #expect(throws: ChannelError.self) { try promise.futureResult.wait() }
        try channel.close().wait()
        #expect(try written() == [])
    }

    @Test func closingDropsWhatIsHeld() throws {
        write(acknowledgement)
        gate.shut()
        write([1])
        try channel.close().wait()
        #expect(try written() == acknowledgement)
        gate.open()
    }

    @Test func openingAnOpenGateDoesNothing() throws {
        gate.open()
        gate.drop()
        write([1])
        #expect(try written() == [1])
    }
}
