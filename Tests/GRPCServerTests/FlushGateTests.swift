import NIOCore
import NIOEmbedded
import Testing

@testable import GRPCServer

@Suite struct FlushGateTests {
    private let gate = FlushGate()
    private let channel: EmbeddedChannel

    init() throws {
        channel = EmbeddedChannel(handler: gate)
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
    }

    private func write(_ text: String) {
        channel.writeAndFlush(ByteBuffer(string: text), promise: nil)
    }

    private func written() throws -> String {
        var all = ""
        while let bytes = try channel.readOutbound(as: ByteBuffer.self) { all += String(buffer: bytes) }
        return all
    }

    @Test func whatPrecedesAnAnswerLeavesWithIt() throws {
        write("open ")
        #expect(try written() == "open ")
        gate.hold()
        write("acknowledgement ")
        #expect(try written() == "")
        gate.release()
        write("answer")
        #expect(try written() == "acknowledgement answer")
    }

    @Test func itWaitsForAMomentOnly() throws {
        gate.hold()
        write("acknowledgement")
        channel.embeddedEventLoop.advanceTime(by: .milliseconds(Limits.answerWaitMilliseconds - 1))
        #expect(try written() == "")
        channel.embeddedEventLoop.advanceTime(by: .milliseconds(1))
        #expect(try written() == "acknowledgement")
        // And no longer: the answer may take its time.
        write("more")
        #expect(try written() == "more")
    }

    @Test func theTimeOfOneAnswerDoesNotEndInTheNext() throws {
        for _ in 1...3 {
            gate.hold()
            write("acknowledgement ")
            channel.embeddedEventLoop.advanceTime(by: .milliseconds(Limits.answerWaitMilliseconds / 2))
            gate.release()
            write("answer ")
            #expect(try written() == "acknowledgement answer ")
        }
        // Nothing is held now, so nothing is written when the time is over.
        channel.embeddedEventLoop.advanceTime(by: .milliseconds(Limits.answerWaitMilliseconds))
        #expect(try written() == "")
    }

    @Test func closingLosesNothing() throws {
        gate.hold()
        write("goodbye")
        try channel.close().wait()
        #expect(try written() == "goodbye")
    }
}
