import GRPCClient
import NIOCore
import NIOHPACK
import NIOPosix
import Testing

@testable import GRPCServer

/// Answers that are made before it is known whether they are true.
@Suite(.timeLimit(.minutes(1))) struct PreparedAnswerTests {
    /// Prepares an answer, and lets `conclude` say what becomes of it, in a task of the event loop as all else.
    private func method(_ conclude: @escaping @Sendable ((_ isTrue: Bool) -> Void) -> Void) -> GRPCServer.Method {
        .unary("/test.Test/Prepare", runsOnEventLoop: true) { request, call in
            call.addTrailers(["trailer": "1"])
            let message = Array(buffer: request)
            await withCheckedContinuation { continuation in
                MultiThreadedEventLoopGroup.currentEventLoop!.execute {
                    if let release = call.prepareAnswer(message) { conclude(release) }
                    continuation.resume()
                }
            }
            // It does not count.
            return [0]
        }
    }

    @Test(arguments: [0, 1, 70_000, 1 << 20])
    func itLeavesWhenItIsTrue(_ count: Int) async throws {
        let message = (0..<count).map { UInt8(truncatingIfNeeded: $0) }
        try await withServer([method { $0(true) }]) { client, _ in
            for _ in 0..<3 {
                let answer = try await client.unary("/test.Test/Prepare", message)
                #expect(answer.messages == [message])
                #expect(answer.status == 0 && answer.trailers.first(name: "trailer") == "1")
            }
        }
    }

    @Test func manyAtATime() async throws {
        try await withServer([method { $0(true) }, Methods.echo]) { client, _ in
            try await withThrowingTaskGroup(of: Bool.self) { group in
                for number in 0..<500 {
                    group.addTask {
                        let message = Array("call \(number)".utf8)
                        let path = number % 3 == 0 ? "/test.Test/Echo" : "/test.Test/Prepare"
                        return try await client.unary(path, message).messages == [message]
                    }
                }
                for try await isRight in group { #expect(isRight) }
            }
        }
    }

    /// The client must not take it for an answer, and cannot read on; it may come again.
    @Test func itIsDroppedWithTheConnection() async throws {
        try await withServer([method { $0(false) }, Methods.echo]) { client, address in
            let answer = try? await client.unary("/test.Test/Prepare", [42])
            #expect(answer?.messages.isEmpty ?? true)
            #expect(answer?.status != 0)
            let other = try await Client.connect(to: address)
            let echo = try await other.unary("/test.Test/Echo", [42])
            #expect(echo.messages == [[42]])
        }
    }

    /// Only where the frames are made can they be held back.
    @Test func onTheEventLoopOnly() async throws {
        let method = GRPCServer.Method.unary("/test.Test/Prepare") { request, call in
            #expect(call.prepareAnswer([1]) == nil)
            return Array(buffer: request)
        }
        try await withServer([method]) { client, _ in
            let answer = try await client.unary("/test.Test/Prepare", [42])
            #expect(answer.messages == [[42]])
        }
    }

    /// Whether there is one already, or the client has given up.
    @Test func onlyOneForACallThatIsNotOver() async throws {
        let ended = Event()
        let method = GRPCServer.Method.unary("/test.Test/Prepare", runsOnEventLoop: true) { _, call in
            await withCheckedContinuation { continuation in
                MultiThreadedEventLoopGroup.currentEventLoop!.execute {
                    let release = call.prepareAnswer([1])
                    #expect(call.prepareAnswer([2]) == nil)
                    release?(true)
                    #expect(call.prepareAnswer([3]) == nil)
                    continuation.resume()
                }
            }
            ended.happen()
            return [4]
        }
        try await withServer([method]) { client, _ in
            let answer = try await client.unary("/test.Test/Prepare", [42])
            #expect(answer.messages == [[1]])
            await ended.wait()
        }
    }
}
