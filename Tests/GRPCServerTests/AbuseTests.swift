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
