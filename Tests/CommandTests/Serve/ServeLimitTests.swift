import ChildProcess
import Foundation
import GRPCClient
import NIOCore
import NIOPosix
import TestSupport
import Testing

/// `vigil serve` with less than it would like to have.
@Suite(.timeLimit(.minutes(1))) struct ServeLimitTests {
    /// Changes the limits of a process that runs.
    private static let prlimit = "/usr/bin/prlimit"

    /// Through a shell that allows so many files.
    private func serve(_ vigil: Command, files: Int, _ arguments: String) async throws -> (ChildProcess, SocketAddress)
    {
        let program = ChildProcess.path(of: "vigil")
        let process = try vigil.start(
            program: "/bin/sh", "-c",
            "ulimit -n \(files); exec '\(program)' serve --listen 127.0.0.1:0 --json \(arguments)")
        var lines = process.lines.makeAsyncIterator()
        let said = try #require(Command.object(await lines.next() ?? ""))
        let listen = try #require(said["listen"] as? String)
        let port = try #require(listen.split(separator: ":").last.flatMap { Int($0) })
        return (process, try SocketAddress(ipAddress: "127.0.0.1", port: port))
    }

    @Test func takesOnlyAsManyConnectionsAsItHasFilesFor() async throws {
        try await withCommand { vigil in
            let (process, address) = try await serve(vigil, files: 200, "--max-connections 1000")
            let client = try await Client.connect(to: address)
            var others: [Client] = []
            while let other = try? await Client.connect(to: address) { others.append(other) }
            #expect((60..<100).contains(others.count), "\(others.count)")
            #expect(try await client.unary("/grpc.health.v1.Health/Check", []).status == 0)
            process.interrupt()
            #expect(await process.status() == 0)
            let log = try String(contentsOfFile: vigil.backgroundErrors, encoding: .utf8)
            #expect(log.contains("72 connections are taken instead of 1000"), "\(log)")
        }
    }

    /// The rest of the process took what was kept for it: accepting fails, and goes on when there is room again.
    @Test(.enabled(if: FileManager.default.isExecutableFile(atPath: prlimit)))
    func acceptsAgainAfterItRanOutOfFiles() async throws {
        try await withCommand { vigil in
            let (process, address) = try await serve(vigil, files: 200, "")
            let client = try await Client.connect(to: address)
            // From outside, so that it does not know: no more than what it has open, and five.
            let open = try FileManager.default.contentsOfDirectory(
                atPath: "/proc/\(process.processIdentifier)/fd"
            ).count
            let limit = try ChildProcess(
                Self.prlimit, ["--pid", "\(process.processIdentifier)", "--nofile=\(open + 5):200"])
            try #require(await limit.status() == 0)
            // The system accepts them all.
            var raw: [any Channel] = []
            for _ in 0..<30 {
                raw.append(
                    try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton).connect(to: address).get())
            }
            let before = try processorTicks(process.processIdentifier)
            let start = ContinuousClock.now
            while ContinuousClock.now - start < .seconds(2) {
                #expect(try await client.unary("/grpc.health.v1.Health/Check", []).status == 0)
                // Not to measure its answers.
                try await Task.sleep(for: .milliseconds(100))
            }
            // A loop that accepts and fails would take all of two seconds, which are 200.
            #expect(try processorTicks(process.processIdentifier) - before < 60)
            for channel in raw { try await channel.close().get() }
            let late = try await Client.connect(to: address)
            #expect(try await late.unary("/grpc.health.v1.Health/Check", []).status == 0)
            process.interrupt()
            #expect(await process.status() == 0)
        }
    }

    /// What it has computed, in hundredths of a second.
    private func processorTicks(_ id: Int32) throws -> Int {
        let fields = try String(contentsOfFile: "/proc/\(id)/stat", encoding: .utf8).split(separator: " ")
        return (Int(fields[13]) ?? 0) + (Int(fields[14]) ?? 0)
    }

    @Test(arguments: ["--max-connections 0", "--max-txn-ops -1", "--idle-timeout 0", "--max-calls x"])
    func wrongLimits(_ argument: String) async throws {
        try await withCommand { vigil in
            let words = argument.split(separator: " ").map(String.init)
            let outcome = try await vigil.run(["serve", "--listen", "127.0.0.1:0"] + words)
            #expect(outcome.status == 2 && outcome.errors.contains(words[0]))
        }
    }
}
