import Foundation
import Threads

/// Standard output, buffered: written when much has gathered, or soon after something has.
final class Output: Sendable {
    static let standard = Output()
    /// How long a line may wait, so that a burst of events is one write and a single one is seen at once.
    private static let delayMilliseconds = 5
    private static let bufferBytes = 64 << 10

    private struct State {
        var buffer: [UInt8] = []
        var isFlushScheduled = false
    }

    private let state = Lock(State())

    func line(_ text: String) {
        write(Array((text + "\n").utf8))
    }

    func line(_ json: JSONObject) {
        write(json.utf8 + [UInt8(ascii: "\n")])
    }

    func write(_ bytes: [UInt8]) {
        let isScheduling = state.withLock { state in
            state.buffer += bytes
            if state.buffer.count >= Self.bufferBytes { Self.drain(&state) }
            defer { state.isFlushScheduled = true }
            return !state.isFlushScheduled
        }
        if isScheduling {
            DispatchQueue.global().asyncAfter(deadline: .now() + .milliseconds(Self.delayMilliseconds)) {
                self.flush()
            }
        }
    }

    func flush() {
        state.withLock { state in
            state.isFlushScheduled = false
            Self.drain(&state)
        }
    }

    private static func drain(_ state: inout State) {
        var written = 0
        while written < state.buffer.count {
            let count = state.buffer.withUnsafeBytes { bytes in
                Foundation.write(STDOUT_FILENO, bytes.baseAddress! + written, bytes.count - written)
            }
            if count < 0 {
                if errno == EINTR { continue }
                // Whoever read has gone; there is nobody to tell.
                if errno == EPIPE { exit(0) }
                error("vigil: cannot write the output: \(String(cString: strerror(errno)))")
                exit(ExitStatus.store)
            }
            written += count
        }
        state.buffer.removeAll(keepingCapacity: true)
    }

    /// A line on standard error.
    static func error(_ text: String) {
        FileHandle.standardError.write(Data((text + "\n").utf8))
    }

    /// Whether a person reads standard error.
    static let isInteractive = isatty(STDERR_FILENO) == 1
}
