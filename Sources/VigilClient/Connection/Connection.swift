import GRPCClient
import GRPCWire
import NIOCore
import NIOHPACK
import NIOPosix
import SwiftProtobuf
import WireMessages

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A connection, and the token by which the server knows who asks.
struct Session: Sendable {
    var client: Client
    var headers: HPACKHeaders
}

/// Keeps a connection to one server, and makes it again when it is lost.
actor Connection {
    private let options: StoreClientOptions
    private var current: Task<Session, any Error>?
    /// Whether there was a connection once: one that never was is not waited for.
    private(set) var wasMade = false

    init(_ options: StoreClientOptions) {
        self.options = options
    }

    /// The connection, made now if there is none.
    ///
    /// - Throws: ``ClientError``.
    func session() async throws -> Session {
        let task = current ?? Task { [options] in try await Self.connect(options) }
        current = task
        do {
            let session = try await task.value
            wasMade = true
            return session
        } catch {
            if current == task { current = nil }
            throw error
        }
    }

    /// What is connected is of no use any more.
    func drop() async {
        guard let task = current else { return }
        current = nil
        if case .success(let session) = await task.result { try? await session.client.close() }
    }

    private static func connect(_ options: StoreClientOptions) async throws -> Session {
        var limits = ClientOptions()
        limits.connectTimeout = min(.seconds(Limits.connectSeconds), options.timeout.timeAmount)
        limits.keepaliveInterval = .seconds(Limits.keepaliveSeconds)
        limits.maximumMessageBytes = Limits.messageBytes
        let endpoint = options.endpoint
        let client: Client
        do {
            client = try await Client.connect(
                host: endpoint.host, port: endpoint.port, tls: options.tls, options: limits)
        } catch {
            throw ClientError(.unreachable, "cannot connect to \(endpoint): \(Self.reason(error))")
        }
        do {
            return Session(client: client, headers: try await authenticate(client, options))
        } catch {
            try? await client.close()
            throw error
        }
    }

    /// The headers that say who asks.
    private static func authenticate(_ client: Client, _ options: StoreClientOptions) async throws -> HPACKHeaders {
        guard let user = options.user else { return [:] }
        var request = EtcdAuthenticateRequest()
        request.name = user.name
        request.password = user.password
        let answer = try await client.unary(
            "/etcdserverpb.Auth/Authenticate", try request.serializedBytes(), timeout: options.timeout.timeAmount)
        if answer.outcome.code != .ok {
            throw ClientError(.denied, "\(options.endpoint): \(answer.outcome.message)")
        }
        guard let message = answer.messages.first,
            let token = try? EtcdAuthenticateResponse(serializedBytes: message).token
        else { throw ClientError(.failed, "\(options.endpoint) answered a password with nothing") }
        return ["token": token]
    }

    private static func reason(_ error: any Error) -> String {
        switch error {
        case let status as Status: status.message
        case let error as IOError: String(cString: strerror(error.errnoCode))
        case let error as NIOConnectionError:
            error.connectionErrors.first.map { reason($0.error) }
                ?? "there is no address of \(error.host) (\(error.dnsAError ?? error.dnsAAAAError ?? error))"
        case ChannelError.connectTimeout(let time): "no answer within \(time)"
        default: "\(error)"
        }
    }
}

extension Duration {
    var timeAmount: TimeAmount {
        let (seconds, attoseconds) = components
        return .nanoseconds(
            seconds.multipliedReportingOverflow(by: 1_000_000_000).overflow
                ? .max : seconds * 1_000_000_000 + attoseconds / 1_000_000_000)
    }
}
