import GRPCClient
import NIOCore
import NIOHPACK
import Testing

@testable import GRPCServer

/// What is beyond a limit is refused with a word, and served when there is room again.
@Suite(.timeLimit(.minutes(1))) struct LimitTests {
    let began = Event()
    let cancelled = Event()

    private var waiting: GRPCServer.Method { Methods.waiting(began: began, cancelled: cancelled) }

    @Test func callsOverTheLimit() async throws {
        var options = ServerOptions()
        options.maximumCalls = 2
        options.overloaded = Status(.resourceExhausted, "etcdserver: too many requests")
        try await withServer([waiting, Methods.echo], options: options) { client, address in
            let first = try await client.call("/test.Test/Wait")
            let second = try await Client.connect(to: address).call("/test.Test/Wait")
            await began.wait()
            await began.wait()
            let refused = try await client.unary("/test.Test/Echo", [1])
            #expect(refused.status == 8 && refused.message == "etcdserver: too many requests")
            try await first.cancel()
            await cancelled.wait()
            // The call is over when its last reference is gone, soon after its handler has returned.
            while try await client.unary("/test.Test/Echo", [1]).status != 0 {}
            try await second.cancel()
        }
    }

    /// Rapid reset: the client has no open stream, and the handlers do not look at their cancellation.
    @Test func handlersThatOutliveTheirStreams() async throws {
        var options = ServerOptions()
        options.maximumStreams = 2
        let (began, mayEnd, running) = (Event(), Signal(), Counter())
        let deaf = GRPCServer.Method("/test.Test/Deaf") { _ in
            running.increment()
            began.happen()
            await mayEnd.wait()
        }
        try await withServer([deaf, Methods.echo], options: options) { client, address in
            for _ in 0..<4 {
                let call = try await client.call("/test.Test/Deaf")
                await began.wait()
                try await call.cancel()
            }
            for _ in 0..<100 {
                let call = try await client.call("/test.Test/Deaf")
                // REFUSED_STREAM
                #expect(try await call.answer().reset == 7)
            }
            #expect(running.count == 4)
            #expect(try await Client.connect(to: address).unary("/test.Test/Echo", [1]).status == 0)
            mayEnd.happen()
            while try await client.unary("/test.Test/Echo", [1]).status != 0 {}
        }
    }

    @Test func headersOverTheLimitAreRefusedAndTheLimitIsAnOption() async throws {
        var options = ServerOptions()
        options.maximumHeaderBytes = 1000
        try await withServer([Methods.echo], options: options) { client, address in
            let large = String(repeating: "x", count: 500)
            let status = try await client.unary("/test.Test/Echo", [1], headers: ["large": large]).status
            #expect(status == 0)
            let refused = try await client.unary("/test.Test/Echo", [1], headers: ["large": large + large])
            #expect(refused.status != 0)
            #expect(try await Client.connect(to: address).unary("/test.Test/Echo", [1]).status == 0)
        }
    }

    @Test func aConnectionWithoutCallsIsToldToGo() async throws {
        var options = ServerOptions()
        options.idleTimeout = .milliseconds(100)
        try await withServer([Methods.echoes, Methods.echo], options: options) { client, address in
            let busy = try await Client.connect(to: address)
            let call = try await busy.call("/test.Test/Echoes")
            #expect(try await client.unary("/test.Test/Echo", [1]).status == 0)
            var goAways = client.goAways.makeAsyncIterator()
            #expect(await goAways.next()?.code == 0)
            try await client.closed()
            // One that has a call stays.
            try await call.send([7])
            #expect(try await call.next() == [7])
        }
    }

    @Test func connectionsAreAdmittedAgainWhenOthersHaveGone() async throws {
        var options = ServerOptions()
        options.maximumConnections = 2
        let log = LogRecorder()
        try await withServer([Methods.echo], options: options, logger: log.logger) { client, address in
            let second = try await Client.connect(to: address)
            await #expect(throws: (any Error).self) { try await Client.connect(to: address) }
            #expect(await log.line(with: "connections are refused").contains("2 are open"))
            try await second.close()
            var third: Client?
            while third == nil { third = try? await Client.connect(to: address) }
            #expect(try await third!.unary("/test.Test/Echo", [1]).status == 0)
            #expect(try await client.unary("/test.Test/Echo", [1]).status == 0)
        }
    }

    /// Those that are silent make room as soon as they have had their time, long before they are closed for it.
    @Test func handshakesOverTheLimit() async throws {
        var options = ServerOptions()
        options.maximumHandshakes = 5
        options.handshakeTimeout = .minutes(10)
        try await withServer([Methods.echo], options: options) { client, address in
            var silent: [RawConnection] = []
            for _ in 0..<5 {
                let connection = try await RawConnection.connect(to: address)
                // Admitted, and not only accepted by the system; it owes its settings.
                try await connection.write(HTTP2.preface)
                try await connection.receives(within: .seconds(30), "settings") {
                    $0.hasReceived(4) || !$0.channel.isActive
                }
                silent.append(connection)
            }
            var other: Client?
            while other == nil { other = try? await Client.connect(to: address) }
            #expect(try await other!.unary("/test.Test/Echo", [1]).status == 0)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for connection in silent { group.addTask { try await connection.closed() } }
                // One of them, that was in the way.
                try await group.next()
                for connection in silent { try? await connection.close() }
            }
            #expect(try await client.unary("/test.Test/Echo", [1]).status == 0)
        }
    }
}
