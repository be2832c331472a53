import GRPCClient
import Logging
import NIOCore
import ServiceLifecycle
import Threads

@testable import GRPCServer

/// Runs a server for `body`, and ends it.
func withServer<R: Sendable>(
    _ methods: [GRPCServer.Method], options: ServerOptions = ServerOptions(), logger: Logger = .quiet,
    _ body: (Client, SocketAddress) async throws -> R
) async throws -> R {
    let server = try await Server.bind(
        host: "127.0.0.1", port: 0, methods: methods, options: options, logger: logger)
    return try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await server.run() }
        let client = try await Client.connect(to: server.address)
        let result = try await body(client, server.address)
        group.cancelAll()
        try await group.waitForAll()
        return result
    }
}

extension Logger {
    static let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
}

/// Something that happens once or more often, and can be awaited.
struct Event: Sendable {
    private let stream: AsyncStream<Void>
    private let continuation: AsyncStream<Void>.Continuation

    init() {
        (stream, continuation) = AsyncStream.makeStream()
    }

    func happen() { continuation.yield() }

    func wait() async {
        for await _ in stream { return }
    }
}

/// Something that happens once, for all that wait for it.
final class Signal: Sendable {
    private let state = Lock<(happened: Bool, waiting: [CheckedContinuation<Void, Never>])>((false, []))

    func happen() {
        let waiting = state.withLock { state in
            defer { state = (true, []) }
            return state.waiting
        }
        for continuation in waiting { continuation.resume() }
    }

    func wait() async {
        await withCheckedContinuation { continuation in
            let happened = state.withLock { state in
                if !state.happened { state.waiting.append(continuation) }
                return state.happened
            }
            if happened { continuation.resume() }
        }
    }
}

/// Counts what tasks do.
final class Counter: Sendable {
    private let value = Lock(0)

    var count: Int { value.withLock { $0 } }

    func increment() { value.withLock { $0 += 1 } }
}

/// Methods for the tests.
enum Methods {
    static let echo = GRPCServer.Method.unary("/test.Test/Echo") { request, _ in Array(buffer: request) }

    /// Sends back each message as it comes.
    static let echoes = GRPCServer.Method("/test.Test/Echoes", isLasting: true) { call in
        while let message = try await call.next() { try await call.send(Array(buffer: message)) }
    }

    /// Waits until it is cancelled, telling of both.
    static func waiting(
        began: Event, cancelled: Event, path: String = "/test.Test/Wait", isLasting: Bool = false
    ) -> GRPCServer.Method {
        GRPCServer.Method(path, isLasting: isLasting) { call in
            began.happen()
            defer { cancelled.happen() }
            try await call.cancellation()
        }
    }
}
