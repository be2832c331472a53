import GRPCClient
import NIOCore
import NIOHPACK
import Testing

@testable import GRPCServer

/// Calls with one message each way, and how they are refused.
@Suite(.timeLimit(.minutes(1))) struct UnaryTests {
    @Test(arguments: [0, 1, 1000, 70_000, 1 << 20])
    func answersWithWhatWasSent(_ count: Int) async throws {
        let message = (0..<count).map { UInt8(truncatingIfNeeded: $0) }
        try await withServer([Methods.echo]) { client, _ in
            let answer = try await client.unary("/test.Test/Echo", message)
            #expect(answer.messages == [message])
            #expect(answer.status == 0 && answer.message == nil)
            #expect(answer.headers?.first(name: "content-type") == "application/grpc")
        }
    }

    @Test func manyAtATime() async throws {
        try await withServer([Methods.echo]) { client, _ in
            try await withThrowingTaskGroup(of: Bool.self) { group in
                for number in 0..<500 {
                    group.addTask {
                        let message = Array("call \(number)".utf8)
                        return try await client.unary("/test.Test/Echo", message).messages == [message]
                    }
                }
                for try await isRight in group { #expect(isRight) }
            }
        }
    }

    @Test func statusAndTrailersOfTheHandler() async throws {
        let failing = GRPCServer.Method.unary("/test.Test/Fail") { _, call in
            call.addTrailers(["detail-bin": "AAEC"])
            throw Status(.notFound, "no “such” key: 100%\n")
        }
        try await withServer([failing]) { client, _ in
            let answer = try await client.unary("/test.Test/Fail", [1])
            #expect(answer.status == 5)
            #expect(answer.trailers.first(name: "grpc-message") == "no %E2%80%9Csuch%E2%80%9D key: 100%25%0A")
            #expect(answer.message == "no “such” key: 100%\n")
            #expect(answer.trailers.first(name: "detail-bin") == "AAEC")
            #expect(answer.messages.isEmpty)
        }
    }

    @Test func anotherErrorOfTheHandlerIsUnknown() async throws {
        struct Failure: Error {}
        try await withServer([.unary("/test.Test/Fail") { _, _ in throw Failure() }]) { client, _ in
            let unknown = try await client.unary("/test.Test/Fail", []).status
            #expect(unknown == 2)
        }
    }

    @Test func unknownMethod() async throws {
        try await withServer([Methods.echo]) { client, _ in
            let answer = try await client.unary("/test.Test/Nothing", [])
            #expect(answer.status == 12)
            #expect(answer.message?.contains("/test.Test/Nothing") == true)
        }
    }

    @Test func whatIsNotGRPCGetsAStatusOfHTTP() async throws {
        try await withServer([Methods.echo]) { client, _ in
            let json = try await client.unary("/test.Test/Echo", [], headers: ["content-type": "application/json"])
            #expect(json.trailers.first(name: ":status") == "415")
            let put = try await client.unary("/test.Test/Echo", [], headers: [":method": "PUT"])
            #expect(put.trailers.first(name: ":status") == "405")
            let suffix = try await client.unary(
                "/test.Test/Echo", [], headers: ["content-type": "application/grpc+proto"])
            #expect(suffix.status == 0)
        }
    }

    @Test func aMessageOverTheLimitIsRefusedBeforeItHasCome() async throws {
        var options = ServerOptions()
        options.maximumMessageBytes = 1000
        try await withServer([Methods.echo], options: options) { client, _ in
            #expect(try await client.unary("/test.Test/Echo", [UInt8](repeating: 0, count: 1000)).status == 0)
            let call = try await client.call("/test.Test/Echo")
            // The prefix alone: 1001 bytes are to follow.
            try await call.sendRaw([0, 0, 0, 3, 0xE9])
            let answer = try await call.answer()
            #expect(answer.status == 8)
            #expect(answer.message?.contains("1000") == true)
        }
    }

    @Test(
        arguments: [
            ([2, 0, 0, 0, 0], "begins%20with"), ([0, 0, 0, 0, 2, 1], "within a message"), ([], "no message"),
            ([0, 0, 0, 0, 0, 0, 0, 0, 0, 0], "more than one"),
        ] as [([UInt8], String)])
    func malformedMessages(_ bytes: [UInt8], _ reason: String) async throws {
        try await withServer([Methods.echo]) { client, _ in
            let call = try await client.call("/test.Test/Echo")
            try await call.sendRaw(bytes, isLast: true)
            let answer = try await call.answer()
            #expect(answer.status == 13)
            #expect(answer.message?.contains(reason.replacing("%20", with: " ")) == true, "\(answer.message ?? "")")
            #expect(try await client.unary("/test.Test/Echo", [7]).messages == [[7]])
        }
    }
}
