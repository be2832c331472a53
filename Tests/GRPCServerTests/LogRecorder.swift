import Logging
import Threads

/// Takes what a server logs, to be awaited.
final class LogRecorder: Sendable {
    private let lines: AsyncStream<String>
    private let continuation: AsyncStream<String>.Continuation

    init() {
        (lines, continuation) = AsyncStream.makeStream()
    }

    var logger: Logger {
        var logger = Logger(label: "test") { [continuation] _ in Handler(continuation: continuation) }
        logger.logLevel = .debug
        return logger
    }

    /// Returns the next line that has `text` in it.
    func line(with text: String) async -> String {
        for await line in lines where line.contains(text) { return line }
        return ""
    }

    private struct Handler: LogHandler {
        let continuation: AsyncStream<String>.Continuation
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.debug

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            continuation.yield("\(event.level): \(event.message) \(event.metadata ?? [:])")
        }
    }
}
