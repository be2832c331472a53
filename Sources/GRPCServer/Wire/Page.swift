/// A page that says how a server is. Who asks for one, with `GET` or `HEAD`, makes no call.
public struct Page: Sendable {
    /// HTTP's.
    public var status: Int
    /// The media type of the body.
    public var type: String
    public var body: String

    public init(status: Int = 200, type: String = "text/plain; charset=utf-8", body: String) {
        self.status = status
        self.type = type
        self.body = body
    }

    /// What goes before the body, by lower-case names.
    public var headers: [(String, String)] {
        [
            ("content-type", type), ("content-length", String(body.utf8.count)),
            ("x-content-type-options", "nosniff"),
        ]
    }
}

/// Which page is asked for.
public struct PageRequest: Sendable {
    public var path: String
    /// The parameters of the query, as they came.
    public var parameters: [Substring]
    /// Whether all but the body is wanted.
    public var isHead: Bool

    /// Nil if it is none: it is no `GET` nor `HEAD`.
    public init?(method: String, target: String) {
        guard method == "GET" || method == "HEAD" else { return nil }
        isHead = method == "HEAD"
        let parts = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        path = String(parts[0])
        parameters = parts.count > 1 ? parts[1].split(separator: "&") : []
    }
}
