import Logging
import TestSupport
import Threads
import Vigil
import VigilClient

@testable import VigilServer

/// A store and its server, which can end and come back on the same port.
final class Serving: Sendable {
    private let directory: String
    private let running = Lock<(store: WatchStore, server: EtcdServer, task: Task<Void, any Error>)?>(nil)
    private let boundPort = Lock(0)

    init(_ directory: String) {
        self.directory = directory
    }

    var store: WatchStore { running.withLock { $0!.store } }

    var server: EtcdServer { running.withLock { $0!.server } }

    var endpoint: Endpoint { Endpoint("127.0.0.1:\(boundPort.withLock { $0 })")! }

    /// Serves the store of `name`, on the port of the first time.
    func start(_ name: String = "store", progress: Duration = .seconds(5)) async throws {
        let store = try await WatchStore.open(directory + "/" + name)
        var options = EtcdServerOptions()
        options.port = boundPort.withLock { $0 }
        let server = try await EtcdServer.bind(
            store, options: options, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        boundPort.withLock { $0 = server.port }
        running.withLock { $0 = (store, server, Task { try await server.run() }) }
    }

    /// Ends all connections at once.
    func stop() async throws {
        guard let (store, _, task) = running.withLock({ $0.take() }) else { return }
        task.cancel()
        try? await task.value
        try await store.close()
    }
}

func withServing<R>(_ body: (Serving, StoreClient) async throws -> R) async throws -> R {
    try await withTemporaryDirectory { directory in
        let serving = Serving(directory)
        try await serving.start()
        let client = StoreClient(StoreClientOptions(serving.endpoint))
        let result: R
        do {
            result = try await body(serving, client)
        } catch {
            await client.close()
            try? await serving.stop()
            throw error
        }
        await client.close()
        try await serving.stop()
        return result
    }
}

extension RemoteWatch {
    /// The updates until so many events have come.
    func updates(events count: Int) async throws -> [WatchUpdate] {
        var updates: [WatchUpdate] = []
        var events = 0
        while events < count, let element = try await next() {
            guard case .update(let update) = element else { continue }
            updates.append(update)
            events += update.events.count
        }
        return updates
    }
}
