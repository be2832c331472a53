import WatchDispatch

/// Vigil's event queue, dispatcher and watchers' buffers.
struct VigilLive: LiveSystem {
    let name = "Vigil"

    func open(consumers: Int, capacity: Int) -> VigilChannel {
        VigilChannel(consumers: consumers, capacity: capacity)
    }
}

final class VigilChannel: LiveChannel {
    private let registry: WatchRegistry
    private let handles: [WatcherHandle]
    private let dispatching: Task<Void, Never>

    init(consumers: Int, capacity: Int) {
        let registry = WatchRegistry(config: WatchConfig(eventQueueSize: capacity, watcherBufferSize: capacity))
        handles = (0..<consumers).map { _ in registry.register(.key("key/0")) }
        dispatching = Task { await WatchDispatcher(registry: registry).run() }
        self.registry = registry
    }

    func offer(_ update: consuming WatchUpdate) { registry.notify(update) }

    func consume(_ consumer: Int, _ body: (WatchUpdate) -> Void) async {
        do {
            for try await element in handles[consumer] { if case .update(let update) = element { body(update) } }
        } catch {
            fatalError("a watcher with the policy `drop` does not fail: \(error)")
        }
    }

    func finish() { registry.shutdown() }
}
