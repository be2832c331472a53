import ChildProcess
import Foundation

/// A machine of its own, as far as the network goes, joined to this one by a cable that can be cut. Linux, and root, only.
struct NetworkNamespace: Sendable {
    private static let ip = "/usr/sbin/ip"

    private let name: String
    /// The addresses of this machine and of the other.
    let host: String
    let peer: String

    /// Whether there can be one here.
    static let isAvailable: Bool = {
        guard FileManager.default.isExecutableFile(atPath: ip), geteuid() == 0 else { return false }
        let name = "vigil-try-\(getpid())"
        let cable = ["link", "add", link, "type", "veth", "peer", "name", "cable", "netns", name]
        let isMade = status(["netns", "add", name]) && status(cable)
        _ = (status(["link", "del", link]), status(["netns", "del", name]))
        return isMade
    }()

    /// Names of links have at most 15 letters.
    private static var link: String { "vgl\(getpid())" }

    private static func status(_ arguments: [String]) -> Bool {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: ip)
        process.arguments = arguments
        process.standardError = FileHandle.nullDevice
        guard (try? process.run()) != nil else { return false }
        process.waitUntilExit()
        return process.terminationStatus == 0
    }

    private struct Failed: Error {
        let arguments: [String]
    }

    private static func run(_ arguments: String...) throws {
        guard status(arguments) else { throw Failed(arguments: arguments) }
    }

    /// Makes one, and removes it in the end.
    static func with<R>(_ body: (NetworkNamespace) async throws -> R) async throws -> R {
        // Four addresses of a net that nobody routes, by the number of this process.
        let number = Int(getpid())
        let net = "10.213.\(number >> 6 & 255).\(number << 2 & 252)".split(separator: ".").map { Int($0)! }
        func address(_ offset: Int) -> String { "10.213.\(net[2]).\(net[3] + offset)" }
        let namespace = NetworkNamespace(name: "vigil-\(number)", host: address(1), peer: address(2))
        try run("netns", "add", namespace.name)
        defer {
            _ = status(["link", "del", link])
            _ = status(["netns", "del", namespace.name])
        }
        try run("link", "add", link, "type", "veth", "peer", "name", "cable", "netns", namespace.name)
        try run("addr", "add", "\(namespace.host)/30", "dev", link)
        try run("link", "set", link, "up")
        try run("-n", namespace.name, "addr", "add", "\(namespace.peer)/30", "dev", "cable")
        try run("-n", namespace.name, "link", "set", "cable", "up")
        return try await body(namespace)
    }

    /// Starts a program on the other machine.
    func start(_ program: String, _ arguments: [String], environment: [String: String?]) throws -> ChildProcess {
        try ChildProcess(
            Self.ip, ["netns", "exec", name, program] + arguments, environment: environment, errors: "/dev/null")
    }

    /// From now on nothing comes through, and nobody is told.
    func cut() throws { try Self.run("-n", name, "link", "set", "cable", "down") }
}
