public import NIOCore

/// A method that a server offers, with the handler that answers calls of it.
///
/// ```swift
/// let echo = Method.unary("/example.Echo/Say") { request, _ in Array(buffer: request) }
/// ```
public struct Method: Sendable {
    /// As in `/package.Service/Method`.
    public var path: String
    /// How many messages go each way.
    public enum Shape: String, Sendable {
        /// One each way.
        case unary
        /// One of the client, any number to it.
        case serverStreaming = "server_stream"
        /// Any number each way.
        case bidirectional = "bidi_stream"
    }

    /// How many messages go each way.
    public let shape: Shape
    /// Whether calls go on until somebody ends them, as a subscription does: a shutdown does not wait for them.
    public var isLasting: Bool
    /// Whether calls run on the event loop of their connection, which saves two changes of threads each. Between its waits
    /// the handler must never block nor compute for long: it would hold up all connections of that loop.
    public var runsOnEventLoop: Bool
    let handler: @Sendable (Call) async throws -> Void
    let counters = CallCounters()

    /// A method with any number of messages both ways. What `handler` throws is the call's ``Status``.
    public init(
        _ path: String, isLasting: Bool = false, runsOnEventLoop: Bool = false,
        handler: @escaping @Sendable (Call) async throws -> Void
    ) {
        self.init(path, .bidirectional, isLasting: isLasting, runsOnEventLoop: runsOnEventLoop, handler: handler)
    }

    private init(
        _ path: String, _ shape: Shape, isLasting: Bool = false, runsOnEventLoop: Bool = false,
        handler: @escaping @Sendable (Call) async throws -> Void
    ) {
        self.path = path
        self.shape = shape
        self.isLasting = isLasting
        self.runsOnEventLoop = runsOnEventLoop
        self.handler = handler
    }

    /// A method with one message each way.
    public static func unary(
        _ path: String, runsOnEventLoop: Bool = false,
        handler: @escaping @Sendable (ByteBuffer, Call) async throws -> [UInt8]
    ) -> Method {
        Method(path, .unary, runsOnEventLoop: runsOnEventLoop) { call in
            try await call.send(handler(try await call.onlyMessage(), call))
        }
    }

    /// A method that is asked once and answers with any number of messages.
    public static func serverStreaming(
        _ path: String, isLasting: Bool = false, handler: @escaping @Sendable (ByteBuffer, Call) async throws -> Void
    ) -> Method {
        Method(path, .serverStreaming, isLasting: isLasting) { call in
            try await handler(try await call.onlyMessage(), call)
        }
    }
}

extension Call {
    /// The message of a call that has exactly one.
    func onlyMessage() async throws -> ByteBuffer {
        guard let message = try await next() else {
            throw Status(.internalError, "the call has no message; it must have one")
        }
        guard try await next() == nil else {
            throw Status(.internalError, "the call has more than one message")
        }
        return message
    }
}
