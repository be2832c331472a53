import ChildProcess
import Foundation
import Testing

/// Clients for Python that others wrote, against this server, where `Tools/test` could get them. What each of them does and
/// checks is in the folder `Python`.
@Suite(.timeLimit(.minutes(2))) struct PythonTests {
    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path

    /// Where the packages of a client are; nil if it is not here.
    private static func packages(_ name: String) -> String? {
        let folder = "\(root)/.build/clients/\(name)"
        return FileManager.default.fileExists(atPath: folder) ? folder : nil
    }

    /// grpcio, with stubs that it makes of our `.proto` files.
    @Test(.enabled(if: packages("python-grpcio") != nil)) func stubs() async throws {
        try await withEtcdServer { port, _ in
            let protos = "\(Self.root)/Sources/WireMessages/Protos"
            try await run("stubs.py", "python-grpcio", "127.0.0.1:\(port)", protos)
        }
    }

    @Test(.enabled(if: packages("python-etcd3") != nil)) func etcd3() async throws {
        try await withEtcdServer { port, _ in
            try await run("etcd3_client.py", "python-etcd3", "127.0.0.1", "\(port)")
        }
    }

    /// Two processes that want the same lock, and one that dies with it.
    @Test(.enabled(if: packages("python-etcd3") != nil)) func contendedLock() async throws {
        try await withEtcdServer { port, _ in
            try await run("contended_lock.py", "python-etcd3", "127.0.0.1", "\(port)")
        }
    }

    private func run(_ script: String, _ packages: String, _ arguments: String...) async throws {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().path + "/Python"
        let python = try ChildProcess(
            "python3", ["-B", "\(folder)/\(script)"] + arguments,
            environment: [
                "PYTHONPATH": Self.packages(packages), "PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION": "python",
            ])
        var printed: [String] = []
        for await line in python.lines { printed.append(line) }
        #expect(await python.status() == 0)
        #expect(printed == ["ok"])
    }
}
