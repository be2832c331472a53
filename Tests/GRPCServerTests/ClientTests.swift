import GRPCClient
import GRPCWire
import NIOCore
import NIOPosix
import Testing

@testable import GRPCServer

/// The client by itself: deadlines, cancellation, limits, and servers that are none.
@Suite(.timeLimit(.minutes(1))) struct ClientTests {
    let began = Event()
    let cancelled = Event()

    @Test func itsDeadlineEndsACallThatTheServerForgets() async throws {
        try await withSilentServer { address in
            let client = try await Client.connect(to: address)
            let answer = try await client.unary("/test.Test/Wait", [1], timeout: .milliseconds(50))
            #expect(answer.outcome.code == .deadlineExceeded)
            try await client.close()
        }
    }

    @Test func aCancelledTaskCancelsItsCall() async throws {
        try await withServer([Methods.waiting(began: began, cancelled: cancelled)]) { client, _ in
            let task = Task { try await client.unary("/test.Test/Wait", []) }
            await began.wait()
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
            await cancelled.wait()
        }
    }

    /// What still comes of calls that have ended here takes of the connection's window like everything else.
    @Test func cancelledCallsDoNotUseUpTheConnection() async throws {
        let flood = GRPCServer.Method("/test.Test/Flood", isLasting: true) { call in
            while true { try await call.send([UInt8](repeating: 1, count: 10_000)) }
        }
        try await withServer([flood]) { client, _ in
            for _ in 0..<100 {
                let call = try await client.call("/test.Test/Flood")
                #expect(try await call.next() != nil)
                try await call.cancel()
            }
        }
    }

    @Test func aLostConnectionIsSaid() async throws {
        try await withServer([Methods.waiting(began: began, cancelled: cancelled)]) { client, _ in
            let call = try await client.call("/test.Test/Wait")
            await began.wait()
            try await client.close()
            let outcome = try await call.answer().outcome
            #expect(outcome.code == .unavailable && outcome.message.contains("lost"))
            await #expect(throws: Status.self) { try await client.unary("/test.Test/Wait", []) }
        }
    }

    @Test func messagesOverTheLimitAreRefused() async throws {
        try await withServer([Methods.echo]) { _, address in
            var options = ClientOptions()
            options.maximumMessageBytes = 100
            let client = try await Client.connect(to: address, options: options)
            #expect(try await client.unary("/test.Test/Echo", [UInt8](repeating: 1, count: 100)).status == 0)
            await #expect(throws: Status.self) {
                try await client.unary("/test.Test/Echo", [UInt8](repeating: 1, count: 101))
            }
        }
    }

    @Test func aServerThatSaysNothingIsNoServer() async throws {
        let silent = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .bind(host: "127.0.0.1", port: 0).get()
        var options = ClientOptions()
        options.connectTimeout = .milliseconds(50)
        await #expect(throws: Status.self) { try await Client.connect(to: silent.localAddress!, options: options) }
        try await silent.close()
    }

    @Test func aServerThatFallsSilentIsGivenUp() async throws {
        try await withSilentServer { address in
            var options = ClientOptions()
            options.keepaliveInterval = .milliseconds(50)
            let client = try await Client.connect(to: address, options: options)
            let answer = try await client.unary("/test.Test/Wait", [1])
            #expect(answer.outcome.code == .unavailable && answer.outcome.message.contains("has not answered"))
        }
    }

    @Test(arguments: [0, 1, 999, 99_999_999, 100_000_000, 1_000_000_000, 5_000_000_000, 86_400_000_000_000, .max])
    func timeoutsAsHeaders(_ nanoseconds: Int64) {
        let text = TimeAmount.nanoseconds(nanoseconds).timeoutText
        // Never longer than it was, and shorter by less than a part in a million.
        let read = TimeAmount(timeout: text)?.nanoseconds ?? -1
        #expect(read <= nanoseconds && Double(nanoseconds - read) <= Double(nanoseconds) * 1e-6, "\(text)")
    }

    /// What says that it speaks HTTP/2, and then nothing more.
    private func withSilentServer(_ body: (SocketAddress) async throws -> Void) async throws {
        let silent = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.pipeline.addHandler(SilentHandler())
            }
            .bind(host: "127.0.0.1", port: 0).get()
        try await body(silent.localAddress!)
        try await silent.close()
    }
}

/// Sends settings that change nothing, and no more.
private final class SilentHandler: ChannelInboundHandler, Sendable {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    func channelActive(context: ChannelHandlerContext) {
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: [0, 0, 0, 4, 0, 0, 0, 0, 0])), promise: nil)
    }
}
