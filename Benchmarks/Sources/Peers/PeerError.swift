/// A server could not be started, or said no.
struct PeerError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }

    static let closed = PeerError("the connection is closed")
}
