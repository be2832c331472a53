import Foundation
import Synchronization

/// A server that was started here. It is killed when it is stopped, and also when this process ends, however it ends.
///
/// For that a shell stands between: it holds the reading end of a pipe whose writing end only this process has, and
/// kills the server as soon as the pipe ends. A thread waits for the shell's end; Foundation's `Process` has been seen to
/// miss it.
public final class ServerProcess: Sendable {
    private static let script = """
        exec 3<&0
        "$@" </dev/null 3<&- & server=$!
        echo $server >"$0"
        { read -r _ <&3; kill -KILL $server; } & guard=$!
        wait $server
        kill $guard
        """

    /// The end of the pipe whose closing kills it; nil when it is closed.
    private let input: Mutex<Int32?>
    private let isOver: Flag
    private let exit: AsyncStream<Never>
    private let log: String
    /// The file that says which process the server is.
    private let identifier: String

    /// Starts `program`; what it prints goes to `server.log` in `directory`.
    init(_ program: String, _ arguments: [String], directory: String) throws {
        log = directory + "/server.log"
        identifier = directory + "/server.pid"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else { throw PeerError("cannot make a pipe: \(String(cString: strerror(errno)))") }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        input = Mutex(ends[1])
        let (exit, continuation) = AsyncStream<Never>.makeStream()
        self.exit = exit
        let isOver = Flag()
        self.isOver = isOver
        let shell: pid_t
        do {
            defer { close(ends[0]) }
            shell = try Self.spawn(
                ["/bin/sh", "-c", Self.script, identifier, program] + arguments, input: ends[0], output: log)
        }
        Thread.detachNewThread {
            var status: Int32 = 0
            while waitpid(shell, &status, 0) < 0, errno == EINTR {}
            isOver.value.store(true, ordering: .releasing)
            continuation.finish()
        }
    }

    deinit { closeInput() }

    /// Kills it, and returns when it is gone.
    public func stop() async {
        closeInput()
        for await _ in exit {}
    }

    private func closeInput() {
        input.withLock { input in
            if let end = input.take() { close(end) }
        }
    }

    /// Starts a program with nothing open but these. It blocks no signals: threads that run tasks block nearly all, and a
    /// shell that never sees SIGCHLD waits for ever.
    private static func spawn(_ command: [String], input: Int32, output: String) throws -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO)
        posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, output, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
        let arguments: [UnsafeMutablePointer<CChar>?] = command.map { strdup($0) } + [nil]
        defer { for argument in arguments { free(argument) } }
        var process: pid_t = 0
        let status = posix_spawn(&process, command[0], &actions, &attributes, arguments, environ)
        guard status == 0 else { throw PeerError("cannot start \(command[0]): \(String(cString: strerror(status)))") }
        return process
    }

    /// Bytes of memory that it has now; nil where the system does not say.
    public var residentBytes: Int? {
        guard let number = (try? String(contentsOfFile: identifier, encoding: .utf8)).map({ $0.dropLast() }),
            let status = try? String(contentsOfFile: "/proc/\(number)/status", encoding: .utf8),
            let line = status.split(separator: "\n").first(where: { $0.hasPrefix("VmRSS:") })
        else { return nil }
        return line.split(separator: " ").dropFirst().first.flatMap { Int($0) }.map { $0 << 10 }
    }

    /// Repeats `attempt` until it succeeds. Stops the server and throws if it ended, or after 30 seconds.
    func answer<Answer>(_ attempt: () async throws -> Answer) async throws -> Answer {
        let deadline = ContinuousClock.now + .seconds(30)
        while true {
            do {
                return try await attempt()
            } catch {
                guard !isOver.value.load(ordering: .acquiring), ContinuousClock.now < deadline else {
                    await stop()
                    let said = (try? String(contentsOfFile: log, encoding: .utf8))?.suffix(500) ?? ""
                    throw PeerError("the server does not answer: \(error)\n\(said)")
                }
                try await Task.sleep(for: .milliseconds(20))
            }
        }
    }
}

/// Shared with the thread that waits.
private final class Flag: Sendable {
    let value = Atomic(false)
}
