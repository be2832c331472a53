import ChildProcess
import Foundation
import TestSupport
import Testing
import Vigil
import WatchDispatch

@testable import VigilServer

/// grpc-java, with stubs that are made of our `.proto` files, against this server, where `Tools/test` could get it. What it
/// does and checks is in the folder `Java`.
@Suite(.timeLimit(.minutes(2))) struct JavaTests {
    private static let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    private static let root = tests.deletingLastPathComponent().deletingLastPathComponent().path
    /// Debian's packages, unpacked.
    private static let packages = "\(root)/.build/clients/java-grpc/usr"

    private static let canRun: Bool = {
        let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
        return FileManager.default.fileExists(atPath: packages)
            && ["java", "javac"].allSatisfy { program in
                folders.contains { FileManager.default.isExecutableFile(atPath: "\($0)/\(program)") }
            }
    }()

    /// What each JVM does is over before more of a compiler and a collector would pay.
    private static let brief = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]

    @Test(.enabled(if: canRun, "no grpc-java: Tools/test gets it where there is a JDK")) func stubs() async throws {
        try await withTemporaryDirectory { folder in
            try await generate(into: folder)
            let classPath = "\(folder):\(Self.packages)/share/java/*"
            try await run(
                "javac",
                Self.brief.map { "-J\($0)" } + ["-nowarn", "-proc:none", "-d", folder, "-cp", classPath]
                    + Self.sources(of: folder) + Self.sources(of: Self.tests.path + "/Java"), in: folder)
            try await withEtcdServer { port, store in
                let arguments = Self.brief + ["-cp", classPath, "Main", "127.0.0.1:\(port)"]
                try await run("java", arguments, in: folder, prints: ["ok"])
                // What was not read for a while came from the log, and nothing is left of the watches that were cancelled.
                #expect(store.watchMetrics.overflows > 0)
                try await until { store.watchMetrics.watchers == 0 }
            }
        }
    }

    private func generate(into folder: String) async throws {
        let protos = ["mvcc", "kv", "watch", "lease", "maintenance"].map { "\($0).proto" }
        let libraries = try FileManager.default.contentsOfDirectory(atPath: "\(Self.packages)/lib")
        try await run(
            "\(Self.packages)/bin/protoc",
            [
                "-I\(Self.root)/Sources/WireMessages/Protos", "--java_out=\(folder)", "--grpc_out=\(folder)",
                "--plugin=protoc-gen-grpc=\(Self.packages)/bin/grpc_java_plugin",
            ] + protos,
            in: folder,
            environment: ["LD_LIBRARY_PATH": libraries.map { "\(Self.packages)/lib/\($0)" }.joined(separator: ":")])
    }

    private static func sources(of folder: String) throws -> [String] {
        try FileManager.default.subpathsOfDirectory(atPath: folder).filter { $0.hasSuffix(".java") }
            .map { "\(folder)/\($0)" }
    }

    private func run(
        _ program: String, _ arguments: [String], in folder: String, environment: [String: String] = [:],
        prints expected: [String] = []
    ) async throws {
        // Shown only if it fails: `protoc` warns of what does not matter here.
        let errors = "\(folder)/errors"
        let process = try ChildProcess(program, arguments, environment: environment, errors: errors)
        var printed: [String] = []
        for await line in process.lines { printed.append(line) }
        let status = await process.status()
        let said = try String(contentsOfFile: errors, encoding: .utf8)
        try #require(status == 0 && printed == expected, "\(program): \(said)")
    }
}
