import GRPCServer
import NIOCore
import SwiftProtobuf

extension GRPCServer.Method {
    /// A method with one message each way, of protobuf.
    static func unary<Request: Message, Response: Message>(
        _ path: String, runsOnEventLoop: Bool = false,
        _ handler: @escaping @Sendable (Request) async throws -> Response
    ) -> GRPCServer.Method {
        .unary(path, runsOnEventLoop: runsOnEventLoop) { request, _ in try await handler(request) }
    }

    /// The same; the handler is told how many bytes the request has, too.
    static func unary<Request: Message, Response: Message>(
        _ path: String, runsOnEventLoop: Bool = false,
        _ handler: @escaping @Sendable (Request, _ bytes: Int) async throws -> Response
    ) -> GRPCServer.Method {
        .unary(path, runsOnEventLoop: runsOnEventLoop) { bytes, _ in
            let request = try Request(bytes)
            return try await withStatus { try await handler(request, bytes.readableBytes) }.serializedBytes()
        }
    }

    /// A method that is named and not yet there.
    static func unimplemented(_ path: String) -> GRPCServer.Method {
        GRPCServer.Method(path) { _ in
            throw Status(.unimplemented, "vigil does not implement \(path)")
        }
    }
}

extension Message {
    /// Reads a message of a call.
    init(_ bytes: ByteBuffer) throws {
        do {
            try self.init(serializedBytes: Array(buffer: bytes))
        } catch {
            throw Status(.internalError, "the message is not a \(Self.protoMessageName): \(error)")
        }
    }
}
