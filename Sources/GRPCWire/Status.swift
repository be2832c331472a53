/// How a call ended, and the error to throw from a handler so that it ends that way.
///
/// ```swift
/// throw Status(.notFound, "no such key")
/// ```
public struct Status: Error, Sendable, Hashable {
    /// The kind of outcome, by gRPC's numbers.
    public enum Code: Int, Sendable, Hashable, CaseIterable {
        case ok = 0
        case cancelled = 1
        case unknown = 2
        case invalidArgument = 3
        case deadlineExceeded = 4
        case notFound = 5
        case alreadyExists = 6
        case permissionDenied = 7
        case resourceExhausted = 8
        case failedPrecondition = 9
        case aborted = 10
        case outOfRange = 11
        case unimplemented = 12
        case internalError = 13
        case unavailable = 14
        case dataLoss = 15
        case unauthenticated = 16
    }

    /// What a client decides by.
    public var code: Code
    /// For a person; some clients decide by it too.
    public var message: String

    /// An outcome.
    public init(_ code: Code, _ message: String = "") {
        self.code = code
        self.message = message
    }

    /// Everything went well.
    public static let ok = Status(.ok)
}

extension Status: CustomStringConvertible {
    /// Code and message.
    public var description: String { "\(code): \(message)" }
}
