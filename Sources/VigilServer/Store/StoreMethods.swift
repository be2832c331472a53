import GRPCServer
import NIOHPACK
import SwiftProtobuf
import Vigil
import WireMessages

extension ServedMethod {
    /// A method of `vigil.v1.Store` with one message each way.
    static func store<Request: Message, Response: Message>(
        _ name: String, _ access: Access<Request>, _ handler: @escaping @Sendable (Request) async throws -> Response
    ) -> ServedMethod {
        .unary("/vigil.v1.Store/\(name)", access, errors: .store, handler)
    }

    /// A method of `vigil.v1.Store` that is asked once and answers with any number of messages.
    static func streamingStore<Request: Message>(
        _ name: String, _ access: Access<Request>,
        _ handler: @escaping @Sendable (Request, Call) async throws -> Void
    ) -> ServedMethod {
        .serverStreaming("/vigil.v1.Store/\(name)", access, errors: .store, handler)
    }
}

/// Runs `body`, and sends the client what the store says as it is.
func withStoreErrors<R>(_ call: Call, _ body: () async throws -> R) async throws -> R {
    do {
        return try await body()
    } catch let error as StoreError {
        call.addTrailers([WireError.trailer: WireError(error).header])
        throw Status(Status(error).code, error.message)
    } catch let error as MalformedMessage {
        throw Status(.invalidArgument, error.description)
    }
}

/// Runs `body`, which takes long, and meanwhile sends what `message` makes of how far it is: the newest, whenever the
/// client has taken the one before.
func withProgress<R>(
    _ call: Call, _ message: @escaping @Sendable (WireProgress) throws -> [UInt8],
    _ body: (@escaping @Sendable (Int64, Int64) -> Void) async throws -> R
) async throws -> R {
    let (stream, continuation) = AsyncStream<WireProgress>.makeStream(bufferingPolicy: .bufferingNewest(1))
    return try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
            for await progress in stream { try await call.send(message(progress)) }
        }
        defer { continuation.finish() }
        let result = try await body { done, total in
            var progress = WireProgress()
            progress.done = done
            progress.total = total
            continuation.yield(progress)
        }
        continuation.finish()
        try await group.waitForAll()
        return result
    }
}
