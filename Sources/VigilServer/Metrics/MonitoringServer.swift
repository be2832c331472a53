import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import ServiceLifecycle
import Synchronization

/// A small server of HTTP/1.1 for those who look after this process: one answer to one `GET` or `HEAD` on a connection,
/// in clear text, without keys or values.
///
/// `/metrics` is for Prometheus, `/health` says what etcd says there, `/livez` and `/readyz` are for orchestrators.
final class MonitoringServer: Service {
    /// What is asked for.
    struct Request: Sendable {
        var path: String
        /// The parameters of the query, as they came.
        var parameters: [Substring]
    }

    struct Answer: Sendable {
        var status: HTTPResponseStatus
        var type = "text/plain; charset=utf-8"
        var body: String
    }

    private typealias Connection = NIOAsyncChannel<HTTPServerRequestPart, HTTPServerResponsePart>

    private let listener: NIOAsyncChannel<Connection?, Never>
    private let answer: @Sendable (Request) throws -> Answer
    private let logger: Logger

    /// Listens at once. `answer` may block.
    static func bind(
        host: String, port: Int, logger: Logger, answer: @escaping @Sendable (Request) throws -> Answer
    ) async throws -> MonitoringServer {
        let open = OpenConnections()
        let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .bind(host: host, port: port) { channel in
                channel.eventLoop.makeCompletedFuture { try accept(channel, open) }
            }
        return MonitoringServer(listener, logger, answer)
    }

    private init(
        _ listener: NIOAsyncChannel<Connection?, Never>, _ logger: Logger,
        _ answer: @escaping @Sendable (Request) throws -> Answer
    ) {
        self.listener = listener
        self.logger = logger
        self.answer = answer
    }

    /// The port on which it listens.
    var port: Int { listener.channel.localAddress?.port ?? 0 }

    /// Answers until its task is cancelled; in a graceful shutdown too, so that it can be seen from outside.
    func run() async throws {
        try await listener.executeThenClose { connections in
            await withDiscardingTaskGroup { group in
                do {
                    for try await connection in connections {
                        guard let connection else { continue }
                        group.addTask { await self.serve(connection) }
                    }
                } catch is CancellationError {
                } catch {
                    self.logger.error("metrics are not served any more", metadata: ["error": "\(error)"])
                }
                group.cancelAll()
            }
        }
    }

    /// Prepares a connection, on its event loop; nil if there are too many.
    private static func accept(_ channel: any Channel, _ open: OpenConnections) throws -> Connection? {
        guard open.add() else {
            channel.close(promise: nil)
            return nil
        }
        channel.closeFuture.whenComplete { _ in open.remove() }
        // The whole of it has to be over by then, however slowly a client sends or reads.
        let timeout = channel.eventLoop.scheduleTask(in: Limits.monitoringTime) { channel.close(promise: nil) }
        channel.closeFuture.whenComplete { _ in timeout.cancel() }
        try channel.pipeline.syncOperations.configureHTTPServerPipeline(withErrorHandling: true)
        return try Connection(wrappingChannelSynchronously: channel)
    }

    private func serve(_ connection: Connection) async {
        try? await connection.executeThenClose { parts, output in
            for try await part in parts {
                guard case .head(let head) = part else { continue }
                let answer = try await answer(to: head)
                var headers: HTTPHeaders = ["content-type": answer.type, "connection": "close"]
                headers.add(name: "content-length", value: String(answer.body.utf8.count))
                headers.add(name: "x-content-type-options", value: "nosniff")
                let response = HTTPResponseHead(version: .http1_1, status: answer.status, headers: headers)
                try await output.write(.head(response))
                if head.method != .HEAD { try await output.write(.body(.byteBuffer(ByteBuffer(string: answer.body)))) }
                try await output.write(.end(nil))
                // What else came is not read: one answer to a connection.
                return
            }
        }
    }

    private func answer(to head: HTTPRequestHead) async throws -> Answer {
        guard head.method == .GET || head.method == .HEAD else {
            return Answer(status: .methodNotAllowed, body: "only GET and HEAD are answered here\n")
        }
        let parts = head.uri.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        let parameters = parts.count > 1 ? parts[1].split(separator: "&") : []
        let request = Request(path: String(parts[0]), parameters: parameters)
        do {
            let answer = answer
            return try await NIOThreadPool.singleton.runIfActive { try answer(request) }
        } catch {
            logger.error("a request for metrics failed", metadata: ["path": "\(request.path)", "error": "\(error)"])
            return Answer(status: .internalServerError, body: "\(error)\n")
        }
    }
}

/// How many connections are open.
private final class OpenConnections: Sendable {
    private let count = Atomic(0)

    /// False if there are as many as may be.
    func add() -> Bool {
        guard count.add(1, ordering: .relaxed).newValue <= Limits.monitoringConnections else {
            remove()
            return false
        }
        return true
    }

    func remove() {
        count.subtract(1, ordering: .relaxed)
    }
}
