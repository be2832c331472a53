public import NIOCore
public import NIOHPACK

/// The headers that begin a call, checked.
public struct RequestHead: Sendable {
    /// As in `/package.Service/Method`.
    public var path: String
    /// What else the client sent, by lower-case names.
    public var metadata: HPACKHeaders
    /// How long the client will wait.
    public var timeout: TimeAmount?
    var encoding: Encoding

    enum Encoding: Sendable {
        case identity
        case gzip
    }

    /// Why a request is no call: a status of HTTP for what is not gRPC, else one of gRPC.
    enum Refusal: Error, Sendable, Hashable {
        case http(Int)
        case status(Status)
    }

    init(_ headers: HPACKHeaders) throws(Refusal) {
        guard headers.first(name: ":method") == "POST" else { throw .http(405) }
        guard let type = headers.first(name: "content-type"), Self.isGRPC(type) else { throw .http(415) }
        guard let path = headers.first(name: ":path") else { throw .http(400) }
        self.path = path
        switch headers.first(name: "grpc-encoding") {
        case nil, "identity": encoding = .identity
        case "gzip": encoding = .gzip
        case let other?:
            throw .status(Status(.unimplemented, "messages compressed by \(other) are not understood; use gzip"))
        }
        if let text = headers.first(name: "grpc-timeout") {
            guard let timeout = TimeAmount(timeout: text) else {
                throw .status(Status(.internalError, "malformed grpc-timeout: \(text)"))
            }
            self.timeout = timeout
        }
        metadata = headers
    }

    /// `application/grpc`, alone or with a suffix that names the message format.
    private static func isGRPC(_ type: String) -> Bool {
        guard type.hasPrefix("application/grpc") else { return false }
        let rest = type.utf8.dropFirst("application/grpc".utf8.count)
        return rest.isEmpty || rest.first == UInt8(ascii: "+") || rest.first == UInt8(ascii: ";")
    }
}
