import Foundation
import Logging
import NIOCore
import NIOSSL
import Threads

/// The certificates in use, which follow the files: what is new and in order serves the connections that come from then
/// on; what is not is logged, and what was in use stays.
final class ServerCertificates: Sendable {
    private let options: TLSOptions
    private let logger: Logger
    private let current: Lock<(files: TLSFiles, context: TLSContext)>
    private let looks: AsyncStream<Look>
    private let continuation: AsyncStream<Look>.Continuation

    private enum Look {
        case regular
        /// Somebody wants to read what came of it.
        case requested
    }

    init(_ options: TLSOptions, logger: Logger) async throws {
        self.options = options
        self.logger = logger
        let files = try await TLSFiles.read(options)
        current = Lock((files, try TLSContext(files, options)))
        (looks, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// For a connection that comes now.
    var context: NIOSSLContext { current.withLock { $0.context.context } }

    /// Looks at the files soon.
    func reload() {
        continuation.yield(.requested)
    }

    /// Ends ``run()``.
    func stop() {
        continuation.finish()
    }

    /// Follows the files until it is stopped.
    func run() async {
        await withDiscardingTaskGroup { group in
            group.addTask {
                while (try? await Task.sleep(for: .nanoseconds(self.options.reloadInterval.nanoseconds))) != nil {
                    self.continuation.yield(.regular)
                }
            }
            var lastFailure: String?
            for await look in looks {
                do {
                    try await self.look(look)
                    lastFailure = nil
                } catch {
                    let failure = "\(error)"
                    // Not every few seconds the same.
                    if failure != lastFailure || look == .requested {
                        logger.error("the certificates in use stay: \(failure)")
                    }
                    lastFailure = failure
                }
            }
            group.cancelAll()
        }
    }

    private func look(_ look: Look) async throws {
        let files = try await TLSFiles.read(options)
        guard files != current.withLock({ $0.files }) else {
            if look == .requested { logger.info("the certificates have not changed") }
            return
        }
        let context = try TLSContext(files, options)
        current.withLock { $0 = (files, context) }
        logger.info(
            "new connections get the new certificate",
            metadata: ["valid_through": "\(context.validThrough.formatted(.iso8601))"])
    }
}
