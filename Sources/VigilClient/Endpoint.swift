/// Where a server is: a host and a port, as in `127.0.0.1:2379`, `[::1]:2379` and `https://db.example.org:2379`.
public struct Endpoint: Sendable, Hashable, CustomStringConvertible {
    /// A name or an address; that of IPv6 without its brackets.
    public var host: String
    /// 1 to 65535.
    public var port: Int
    /// Whether the connection is encrypted; nil if the endpoint does not say.
    public var isEncrypted: Bool?

    /// Nil if there is no host, or no port.
    public init?(_ text: String) {
        var rest = text[...]
        for (scheme, isEncrypted) in [("http://", false), ("https://", true)] where text.hasPrefix(scheme) {
            rest = rest.dropFirst(scheme.count)
            self.isEncrypted = isEncrypted
        }
        guard let colon = rest.lastIndex(of: ":"), let port = UInt16(rest[rest.index(after: colon)...]), port > 0 else {
            return nil
        }
        var host = rest[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
            guard host.contains(":") else { return nil }
        } else if host.contains(where: { ":[]".contains($0) }) {
            return nil
        }
        guard !host.isEmpty, host.allSatisfy({ !$0.isWhitespace && $0 != "/" }) else { return nil }
        self.host = String(host)
        self.port = Int(port)
    }

    /// The host and the port.
    public var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}
