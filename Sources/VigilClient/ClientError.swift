import GRPCClient
import GRPCWire
import NIOHPACK
import Vigil
import WireMessages

/// Why a server was of no help. What its store says is a `StoreError` instead, as if the store were here.
public struct ClientError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What kind of error.
    public enum Code: String, Sendable, Hashable {
        /// There is no connection, or it was lost.
        case unreachable
        /// There was no answer in time.
        case timedOut = "timed_out"
        /// The server wants to know who asks, or does not let them.
        case denied
        /// The server does not offer what was asked for; it may be another one than `vigil serve`.
        case unsupported
        /// The server failed, or answered what makes no sense.
        case failed
    }

    /// What to decide by.
    public var code: Code
    /// What was wrong, and with which server.
    public var description: String

    init(_ code: Code, _ description: String) {
        self.code = code
        self.description = description
    }

    /// How a call of `endpoint` ended.
    init(_ status: Status, _ endpoint: Endpoint) {
        switch status.code {
        case .unavailable: self.init(.unreachable, "\(endpoint): \(status.message)")
        case .deadlineExceeded: self.init(.timedOut, "\(endpoint): \(status.message)")
        case .unauthenticated, .permissionDenied: self.init(.denied, "\(endpoint): \(status.message)")
        case .unimplemented:
            self.init(
                .unsupported,
                "\(endpoint) does not offer this; it takes `vigil serve`, of this version or a later one: "
                    + status.message)
        default: self.init(.failed, "\(endpoint): \(status)")
        }
    }
}

extension Answer {
    /// Throws unless the call went well: what the store said, or a ``ClientError``.
    func requireSuccess(_ endpoint: Endpoint) throws {
        let outcome = outcome
        if outcome.code == .ok { return }
        if let header = trailers.first(name: WireError.trailer), let error = WireError(header: header) {
            throw StoreError(error)
        }
        throw ClientError(outcome, endpoint)
    }
}
