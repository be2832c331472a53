import GRPCServer
import NIOCore
import SwiftProtobuf
import WireMessages

/// A method with the rule that says who may call it. The server takes no others, so that none is open because somebody
/// forgot to close it.
struct ServedMethod: Sendable {
    let path: String
    private let method: @Sendable (Auth) -> GRPCServer.Method

    private init(_ path: String, _ method: @escaping @Sendable (Auth) -> GRPCServer.Method) {
        self.path = path
        self.method = method
    }

    /// The method, with its rule enforced.
    func guarded(by auth: Auth) -> GRPCServer.Method { method(auth) }

    /// One message each way. `errors` says how the client is told of a store's errors; `check` refuses what makes no sense
    /// whoever asks it, before that is looked at, as etcd does.
    static func unary<Request: Message, Response: Message>(
        _ path: String, _ access: Access<Request>, errors: ErrorStyle = .etcd,
        check: (@Sendable (Request) throws -> Void)? = nil,
        _ handler: @escaping @Sendable (Request) async throws -> Response
    ) -> ServedMethod {
        make(path, access, errors, false, check) { request, _, _ in try await handler(request) }
    }

    /// The same, for a write, whose commit may be led by the call's event loop (``Member/leading(_:_:)``). The handler is told
    /// how many bytes the request has, too.
    static func write<Request: Message, Response: Message>(
        _ path: String, _ access: Access<Request>, check: @escaping @Sendable (Request) throws -> Void,
        _ handler: @escaping @Sendable (Request, _ bytes: Int, Call) async throws -> Response
    ) -> ServedMethod {
        make(path, access, .etcd, true, check, handler)
    }

    /// The same, for handlers that need to know of the call.
    static func unaryCall<Request: Message, Response: Message>(
        _ path: String, _ access: Access<Request>,
        _ handler: @escaping @Sendable (Request, Call) async throws -> Response
    ) -> ServedMethod {
        make(path, access, .etcd, false, nil) { request, _, call in try await handler(request, call) }
    }

    private static func make<Request: Message, Response: Message>(
        _ path: String, _ access: Access<Request>, _ errors: ErrorStyle, _ runsOnEventLoop: Bool,
        _ check: (@Sendable (Request) throws -> Void)?,
        _ handler: @escaping @Sendable (Request, Int, Call) async throws -> Response
    ) -> ServedMethod {
        ServedMethod(path) { auth in
            .unary(path, runsOnEventLoop: runsOnEventLoop) { bytes, call in
                try await errors.translate(call) {
                    let request = try Request(bytes)
                    try check?(request)
                    try await Credentials(call, auth).check(request, access)
                    return try await handler(request, bytes.readableBytes, call).serializedBytes()
                }
            }
        }
    }

    /// Asked once, and answered with any number of messages.
    static func serverStreaming<Request: Message>(
        _ path: String, _ access: Access<Request>, errors: ErrorStyle = .etcd, isLasting: Bool = false,
        _ handler: @escaping @Sendable (Request, Call) async throws -> Void
    ) -> ServedMethod {
        ServedMethod(path) { auth in
            .serverStreaming(path, isLasting: isLasting) { bytes, call in
                try await errors.translate(call) {
                    let request = try Request(bytes)
                    try await Credentials(call, auth).check(request, access)
                    try await handler(request, call)
                }
            }
        }
    }

    /// Any number of messages both ways. The handler has to ask of each message whether the caller may, as a stream lives
    /// longer than what its caller is allowed: ``Credentials/check(_:_:)``.
    static func streaming(
        _ path: String, errors: ErrorStyle = .etcd, isLasting: Bool, runsOnEventLoop: Bool = false,
        _ handler: @escaping @Sendable (Call, Credentials) async throws -> Void
    ) -> ServedMethod {
        ServedMethod(path) { auth in
            GRPCServer.Method(path, isLasting: isLasting, runsOnEventLoop: runsOnEventLoop) { call in
                try await errors.translate(call) { try await handler(call, Credentials(call, auth)) }
            }
        }
    }
}

/// How a client is told of a store's errors.
enum ErrorStyle: Sendable {
    /// By etcd's codes and texts.
    case etcd
    /// As the store says it.
    case store

    func translate<R>(_ call: Call, _ body: () async throws -> R) async throws -> R {
        switch self {
        case .etcd: try await withStatus(body)
        case .store: try await withStoreErrors(call, body)
        }
    }
}
