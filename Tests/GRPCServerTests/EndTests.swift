import GRPCClient
import NIOCore
import NIOHPACK
import ServiceLifecycle
import Testing

@testable import GRPCServer

/// Deadlines, cancellation, lost connections, shutdown.
@Suite(.timeLimit(.minutes(1))) struct EndTests {
    let began = Event()
    let cancelled = Event()

    @Test func aDeadlineCancelsTheHandlerAndTellsTheClient() async throws {
        try await withServer([Methods.waiting(began: began, cancelled: cancelled)]) { client, _ in
            let answer = try await client.unary("/test.Test/Wait", [], headers: ["grpc-timeout": "50m"])
            #expect(answer.status == 4)
            await cancelled.wait()
        }
    }

    @Test(arguments: ["", "5", "S", "123456789S", "1x", "-1S", "+1S", "1.5S"])
    func malformedTimeouts(_ text: String) async throws {
        try await withServer([Methods.echo]) { client, _ in
            let malformed = try await client.unary("/test.Test/Echo", [1], headers: ["grpc-timeout": text]).status
            #expect(malformed == 13)
            let longest = try await client.unary("/test.Test/Echo", [1], headers: ["grpc-timeout": "99999999H"]).status
            #expect(longest == 0)
        }
    }

    @Test func aResetCancelsTheHandler() async throws {
        try await withServer([Methods.waiting(began: began, cancelled: cancelled)]) { client, _ in
            let call = try await client.call("/test.Test/Wait")
            await began.wait()
            try await call.cancel()
            await cancelled.wait()
        }
    }

    @Test func aResetFreesWhoWaitsToSend() async throws {
        let cancelled = cancelled
        let flood = GRPCServer.Method("/test.Test/Flood") { call in
            defer { cancelled.happen() }
            while true { try await call.send([UInt8](repeating: 0, count: 8 << 10)) }
        }
        try await withServer([flood, Methods.echo]) { client, _ in
            let call = try await client.call("/test.Test/Flood")
            for _ in 0..<50 { _ = try await client.unary("/test.Test/Echo", [1]) }
            try await call.cancel()
            await cancelled.wait()
        }
    }

    @Test func aLostConnectionCancelsTheHandler() async throws {
        try await withServer([Methods.waiting(began: began, cancelled: cancelled)]) { client, _ in
            _ = try await client.call("/test.Test/Wait")
            await began.wait()
            try await client.close()
            await cancelled.wait()
        }
    }

    @Test func aThousandResetsLeaveNothingBehind() async throws {
        try await withServer([Methods.waiting(began: began, cancelled: cancelled), Methods.echo]) { client, _ in
            for _ in 0..<1000 { try await client.call("/test.Test/Wait").cancel() }
            #expect(try await client.unary("/test.Test/Echo", [1]).status == 0)
        }
    }

    @Test func aShutdownFinishesCallsAndEndsLastingOnes() async throws {
        let (arrived, mayFinish) = (Event(), Event())
        let slow = GRPCServer.Method.unary("/test.Test/Slow") { request, _ in
            arrived.happen()
            await mayFinish.wait()
            return Array(buffer: request)
        }
        let lasting = Methods.waiting(began: began, cancelled: cancelled, isLasting: true)
        let server = try await Server.bind(host: "127.0.0.1", port: 0, methods: [slow, lasting], logger: .quiet)
        let services = ServiceGroup(services: [server], logger: .quiet)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await services.run() }
            let client = try await Client.connect(to: server.address)
            let slowCall = try await client.call("/test.Test/Slow")
            try await slowCall.send([9], isLast: true)
            let lastingCall = try await client.call("/test.Test/Wait")
            await arrived.wait()
            await began.wait()
            await services.triggerGracefulShutdown()
            #expect(try await lastingCall.answer().status == 14)
            await cancelled.wait()
            var goAways = client.goAways.makeAsyncIterator()
            #expect(await goAways.next()?.code == 0)
            // The connection stays until the call is done.
            mayFinish.happen()
            #expect(try await slowCall.answer().messages == [[9]])
            try await client.closed()
            try await group.waitForAll()
        }
        await #expect(throws: (any Error).self) { try await Client.connect(to: server.address) }
    }

    @Test func aShutdownDoesNotWaitForEver() async throws {
        var options = ServerOptions()
        options.shutdownGrace = .milliseconds(50)
        let server = try await Server.bind(
            host: "127.0.0.1", port: 0, methods: [Methods.waiting(began: began, cancelled: cancelled)],
            options: options, logger: .quiet)
        let services = ServiceGroup(services: [server], logger: .quiet)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await services.run() }
            let client = try await Client.connect(to: server.address)
            let call = try await client.call("/test.Test/Wait")
            await began.wait()
            await services.triggerGracefulShutdown()
            #expect(try await call.answer().status == 14)
            try await group.waitForAll()
        }
    }
}
