public import GRPCWire
public import NIOHPACK

/// How a call was answered.
public struct Answer: Sendable {
    /// In the order in which they came.
    public var messages: [[UInt8]] = []
    /// What came before the first message.
    public var headers: HPACKHeaders?
    /// What came after the last, with the status.
    public var trailers: HPACKHeaders = [:]
    /// The code of RST_STREAM, if that ended it.
    public var reset: Int?
    /// Why there is no answer of the server: the connection was lost, or the call took too long.
    public var failure: Status?

    /// No answer yet.
    public init() {}

    /// The number of the status that the server sent.
    public var status: Int? { trailers.first(name: "grpc-status").flatMap { Int($0) } }
    /// The text that the server sent with it.
    public var message: String? { trailers.first(name: "grpc-message").map { StatusMessage.decode($0) } }

    /// How the call ended, whoever ended it.
    public var outcome: Status {
        if let status { return Status(Status.Code(rawValue: status) ?? .unknown, message ?? "") }
        if let failure { return failure }
        if let reset { return Status(.unavailable, "the server ended the call with code \(reset) of HTTP/2") }
        if let code = trailers.first(name: ":status") ?? headers?.first(name: ":status"), code != "200" {
            return Status(.unavailable, "the server answered with the status \(code) of HTTP; it is none of gRPC")
        }
        return Status(.unavailable, "the server ended the call without a status")
    }
}
