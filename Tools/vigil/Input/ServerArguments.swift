public import ArgumentParser
import GRPCClient
public import VigilClient

/// Where a server is and how to talk to it.
struct ServerArguments: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The server of the store instead, as in 127.0.0.1:2379, [::1]:2379 or https://db.example.org:2379.",
            valueName: "host:port"))
    var endpoint: Endpoint?
    @Option(help: ArgumentHelp("Encrypt; trust these authorities.", valueName: "file")) var cacert: String?
    @Option(help: ArgumentHelp("Encrypt; this is the client's certificate.", valueName: "file")) var cert: String?
    @Option(help: ArgumentHelp("The key of that certificate.", valueName: "file")) var key: String?
    @Option(
        help: ArgumentHelp("The name in the server's certificate, if it is not the endpoint's.", valueName: "name"))
    var serverName: String?
    @Option(help: ArgumentHelp("Who asks. (default: VIGIL_USER)", valueName: "name:password")) var user: String?
    @Option(
        help: ArgumentHelp(
            "How long to wait for an answer, and to try a lost connection again: a number and ms, s, m or h.",
            valueName: "time"))
    var timeout: DurationArgument = DurationArgument(argument: "30s")!

    func validate() throws {
        if (cert == nil) != (key == nil) { throw ValidationError("--cert and --key belong together") }
        if timeout.milliseconds < 1 { throw ValidationError("--timeout is 0; it must be at least 1ms") }
        if endpoint?.isEncrypted == false, isEncrypted {
            throw ValidationError("--endpoint is http://, which is not encrypted; make it https://, or leave that out")
        }
        if let user, Self.parts(user) == nil { throw ValidationError("--user must be NAME:PASSWORD") }
    }

    /// Without a server, what is said about one must be a mistake.
    func requireNothing() throws {
        if isEncrypted || serverName != nil || user != nil {
            throw InputError("--cacert, --cert, --key, --server-name and --user are for a server: give its --endpoint")
        }
    }

    /// - Throws: `InputError` if a file cannot be used.
    func options(_ endpoint: Endpoint) throws -> StoreClientOptions {
        var options = StoreClientOptions(endpoint)
        options.timeout = timeout.duration
        do {
            if endpoint.isEncrypted ?? isEncrypted {
                options.tls = try Client.TLS(authorities: cacert, certificate: cert, key: key, host: serverName)
            }
        } catch {
            throw InputError("\(error)")
        }
        if let user = user ?? Environment["VIGIL_USER"] {
            guard let parts = Self.parts(user) else { throw InputError("VIGIL_USER must be NAME:PASSWORD") }
            options.user = parts
        }
        return options
    }

    private var isEncrypted: Bool { cacert != nil || cert != nil || key != nil }

    private static func parts(_ user: String) -> (name: String, password: String)? {
        guard let colon = user.firstIndex(of: ":"), colon != user.startIndex else { return nil }
        return (String(user[..<colon]), String(user[user.index(after: colon)...]))
    }
}

extension Endpoint: ExpressibleByArgument {
    public init?(argument: String) {
        self.init(argument)
    }
}
