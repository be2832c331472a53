import Foundation

/// A server that was started here. It is killed when it is stopped, and also when this process ends, however it ends.
///
/// For that a shell stands between: it holds the reading end of a pipe whose writing end only this process has, and
/// kills the server as soon as the pipe ends.
public final class ServerProcess: Sendable {
    private static let script = """
        exec 3<&0
        "$@" </dev/null 3<&- & server=$!
        echo $server >"$0"
        { read -r _ <&3; kill -KILL $server; } & guard=$!
        wait $server
        kill $guard
        """

    private let process: Process
    private let input: FileHandle
    private let exit: AsyncStream<Never>
    private let log: String
    /// The file that says which process the server is.
    private let identifier: String

    /// Starts `program`; what it prints goes to `server.log` in `directory`.
    init(_ program: String, _ arguments: [String], directory: String) throws {
        log = directory + "/server.log"
        identifier = directory + "/server.pid"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        guard FileManager.default.createFile(atPath: log, contents: nil), let output = FileHandle(forWritingAtPath: log)
        else { throw PeerError("cannot write \(log)") }
        defer { try? output.close() }
        let pipe = Pipe()
        input = pipe.fileHandleForWriting
        process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        process.arguments = ["-c", Self.script, identifier, program] + arguments
        process.standardInput = pipe
        process.standardOutput = output
        process.standardError = output
        let (exit, continuation) = AsyncStream<Never>.makeStream()
        self.exit = exit
        process.terminationHandler = { _ in continuation.finish() }
        try Self.withoutBlockedSignals { [process] in try process.run() }
    }

    deinit { try? input.close() }

    /// Kills it, and returns when it is gone.
    public func stop() async {
        try? input.close()
        for await _ in exit {}
    }

    /// Bytes of memory that it has now; nil where the system does not say.
    public var residentBytes: Int? {
        guard let number = (try? String(contentsOfFile: identifier, encoding: .utf8)).map({ $0.dropLast() }),
            let status = try? String(contentsOfFile: "/proc/\(number)/status", encoding: .utf8),
            let line = status.split(separator: "\n").first(where: { $0.hasPrefix("VmRSS:") })
        else { return nil }
        return line.split(separator: " ").dropFirst().first.flatMap { Int($0) }.map { $0 << 10 }
    }

    /// The child inherits what this thread blocks. Threads that run tasks block nearly everything, and a shell that never
    /// sees SIGCHLD waits for ever.
    private static func withoutBlockedSignals(_ body: () throws -> Void) rethrows {
        var (none, before) = (sigset_t(), sigset_t())
        sigemptyset(&none)
        pthread_sigmask(SIG_SETMASK, &none, &before)
        defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
        try body()
    }

    /// Repeats `attempt` until it succeeds. Stops the server and throws if it ended, or after 30 seconds.
    func answer<Answer>(_ attempt: () async throws -> Answer) async throws -> Answer {
        let deadline = ContinuousClock.now + .seconds(30)
        while true {
            do {
                return try await attempt()
            } catch {
                guard process.isRunning, ContinuousClock.now < deadline else {
                    await stop()
                    let said = (try? String(contentsOfFile: log, encoding: .utf8))?.suffix(500) ?? ""
                    throw PeerError("the server does not answer: \(error)\n\(said)")
                }
                try await Task.sleep(for: .milliseconds(20))
            }
        }
    }
}
