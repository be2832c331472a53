import Synchronization
import Threads

#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A program that this one starts, reads line by line, and ends or kills.
///
/// A thread of its own reads its output and waits for its end, since both block.
package final class ChildProcess: Sendable {
    /// The lines of its standard output, the last of them with or without its end. What is left of a line when it is
    /// killed is dropped.
    package let lines: AsyncStream<String>
    package let processIdentifier: Int32
    private let exit = AsyncStream<Int32>.makeStream()
    /// Whether it has been waited for: its number may be another's by then.
    private let isOver = Lock(false)

    /// Starts the program at `path`.
    ///
    /// - Parameters:
    ///   - environment: Variables added to this program's own; nil takes one away.
    ///   - input: What its standard input holds; nil for nothing.
    ///   - errors: A file for its standard error; nil for this program's own.
    package init(
        _ path: String, _ arguments: [String], environment: [String: String?] = [:], input: [UInt8]? = nil,
        errors: String? = nil
    ) throws(ChildProcessError) {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        let output = try Pipe()
        let feed = try input.map { _ throws(ChildProcessError) in try Pipe() }
        posix_spawn_file_actions_adddup2(&actions, output.write, STDOUT_FILENO)
        if let feed {
            posix_spawn_file_actions_adddup2(&actions, feed.read, STDIN_FILENO)
        } else {
            posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
        }
        if let errors {
            posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, errors, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        }
        var pid: pid_t = 0
        let status = withCStrings([path] + arguments) { arguments in
            withCStrings(Self.variables(environment)) { variables in
                posix_spawnp(&pid, path, &actions, nil, arguments, variables)
            }
        }
        output.closeWrite()
        feed?.closeRead()
        guard status == 0 else {
            output.closeRead()
            feed?.closeWrite()
            throw ChildProcessError(operation: "start \(path)", code: status)
        }
        processIdentifier = pid
        let (lines, continuation) = AsyncStream<String>.makeStream()
        self.lines = lines
        let exit = exit.continuation
        let (isOver, child) = (isOver, pid)
        _ = OSThread {
            if let feed, let input {
                feed.write(input)
                feed.closeWrite()
            }
            let rest = output.readLines { continuation.yield($0) }
            output.closeRead()
            var status: Int32 = 0
            // Under the lock, so that nobody signals a number that is free again.
            while isOver.withLock({ isOver in
                isOver = waitpid(child, &status, WNOHANG) != 0
                return !isOver
            }) {
                var information = siginfo_t()
                waitid(P_PID, id_t(child), &information, WEXITED | WNOWAIT)
            }
            let signal = status & 0x7F
            if signal == 0, !rest.isEmpty { continuation.yield(rest) }
            continuation.finish()
            exit.yield(signal == 0 ? (status >> 8) & 0xFF : -signal)
            exit.finish()
        }
    }

    deinit {
        signal(SIGKILL)
    }

    /// Ends it at once.
    package func kill() { signal(SIGKILL) }
    /// Ends it as Ctrl-C does.
    package func interrupt() { signal(SIGINT) }
    /// Asks it to end, as a service manager does.
    package func terminate() { signal(SIGTERM) }

    /// Sends it a signal, unless it is over.
    package func signal(_ number: Int32) {
        isOver.withLock { isOver in
            #if canImport(Darwin)
                if !isOver { _ = Darwin.kill(processIdentifier, number) }
            #elseif canImport(Glibc)
                if !isOver { _ = Glibc.kill(processIdentifier, number) }
            #else
                if !isOver { _ = Musl.kill(processIdentifier, number) }
            #endif
        }
    }

    /// Waits for its end: its exit code, or minus the signal that killed it. To be asked once.
    package func status() async -> Int32 {
        for await status in exit.stream { return status }
        return .min
    }

    private static func variables(_ added: [String: String?]) -> [String] {
        var variables: [String] = []
        var next = environ
        while let variable = next.pointee {
            let text = String(cString: variable)
            if added[String(text.prefix { $0 != "=" })] == nil { variables.append(text) }
            next += 1
        }
        return variables + added.compactMap { name, value in value.map { "\(name)=\($0)" } }
    }
}

/// A program could not be started.
package struct ChildProcessError: Error, CustomStringConvertible {
    var operation: String
    var code: Int32

    package var description: String { "cannot \(operation): \(String(cString: strerror(code)))" }
}

/// Calls `body` with the strings as C wants them: ended by a null pointer.
private func withCStrings<R>(_ strings: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> R) -> R {
    let copies: [UnsafeMutablePointer<CChar>?] = strings.map { strdup($0) } + [nil]
    defer { for copy in copies { free(copy) } }
    return body(copies)
}
