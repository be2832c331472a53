import GRPCClient
import NIOCore
import NIOHPACK
import NIOPosix
import TestSupport
import Testing

@testable import GRPCServer

/// Clients that break the rules: they lose their connection, and nobody else notices.
@Suite(.timeLimit(.minutes(1))) struct AbuseTests {
    @Test func pingsTooOften() async throws {
        try await withServer([Methods.echo]) { client, address in
            for _ in 0..<5 { try await client.ping() }
            var goAways = client.goAways.makeAsyncIterator()
            let last = await goAways.next()
            #expect(last?.code == 11 && last?.text == "too_many_pings")
            try await client.closed()
            let other = try await Client.connect(to: address)
            #expect(try await other.unary("/test.Test/Echo", [1]).status == 0)
        }
    }

    @Test func pingsWhileSomethingIsSentAreFree() async throws {
        try await withServer([Methods.echo]) { client, _ in
            for _ in 0..<20 {
                try await client.ping()
                #expect(try await client.unary("/test.Test/Echo", [1]).status == 0)
            }
        }
    }

    /// So does what was written at once, and leaves as the client takes it: which pings with each piece, to see whether its
    /// window is too small.
    @Test func pingsWhileALargeAnswerLeavesAreFree() async throws {
        let large = GRPCServer.Method.unary("/test.Test/Large") { _, _ in [UInt8](repeating: 42, count: 500_000) }
        try await withServer([large]) { _, address in
            let connection = try await RawConnection.connect(to: address)
            let request = RawFrame.frame(RawFrame.headers, flags: 4, stream: 1, RawFrame.request("/test.Test/Large"))
            let message = RawFrame.frame(RawFrame.data, flags: 1, stream: 1, [0, 0, 0, 0, 0])
            try await connection.write(RawConnection.preface + request + message)
            for round in 1...10 {
                let pieces = connection.count(of: RawFrame.data)
                let windows = [0, 1].flatMap {
                    RawFrame.frame(RawFrame.windowUpdate, stream: $0, RawFrame.bytes(40_000))
                }
                try await connection.write(windows)
                try await connection.receives(within: .seconds(5), "more") { $0.count(of: RawFrame.data) > pieces }
                try await connection.write(RawFrame.frame(RawFrame.ping, [1, 2, 3, 4, 5, 6, 7, 8]))
                try await connection.receives(within: .seconds(5), "answers to pings") {
                    $0.count(of: RawFrame.ping) == round
                }
            }
            #expect(!connection.hasReceived(RawFrame.goAway))
            try await connection.close()
        }
    }

    @Test func aClientThatDoesNotAnswerPingsIsClosed() async throws {
        var options = ServerOptions()
        options.keepaliveInterval = .milliseconds(50)
        options.keepaliveTimeout = .milliseconds(50)
        try await withServer([Methods.echo], options: options) { client, address in
            // It says what a client says first, and nothing more.
            let silent = try await RawConnection.connect(to: address)
            try await silent.write(RawConnection.preface)
            try await silent.closed()
            // One that answers lives on.
            #expect(try await client.unary("/test.Test/Echo", [1]).status == 0)
        }
    }

    @Test func connectionsOverTheLimitAreClosed() async throws {
        var options = ServerOptions()
        options.maximumConnections = 1
        try await withServer([Methods.echo], options: options) { client, address in
            #expect(try await client.unary("/test.Test/Echo", [1]).status == 0)
            let second = try await RawConnection.connect(to: address)
            try await second.closed()
            #expect(try await client.unary("/test.Test/Echo", [1]).status == 0)
        }
    }

    @Test func headersOverTheLimit() async throws {
        try await withServer([Methods.echo]) { client, address in
            let call = try await client.call(
                "/test.Test/Echo", headers: ["big": String(repeating: "x", count: ServerOptions().maximumHeaderBytes)])
            _ = try await call.answer()
            let other = try await Client.connect(to: address)
            #expect(try await other.unary("/test.Test/Echo", [1]).status == 0)
        }
    }

    @Test func streamsOverTheLimitWait() async throws {
        var options = ServerOptions()
        options.maximumStreams = 2
        try await withServer([Methods.echo], options: options) { client, _ in
            try await withThrowingTaskGroup(of: Int?.self) { group in
                for _ in 0..<20 { group.addTask { try await client.unary("/test.Test/Echo", [1]).status } }
                for try await status in group { #expect(status == 0) }
            }
        }
    }
}
