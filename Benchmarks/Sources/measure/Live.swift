import Foundation
import WatchDispatch

/// The live path alone: notify, register, fan-out.
enum Live {
    static func measure() async throws {
        notify()
        await registration()
        try await fanOut()
        await idleWatchers()
    }

    private static let update = WatchUpdate(
        revision: 1, events: [WatchEvent(type: .put, key: "k", value: "v", revision: 1)])

    private static func notify() {
        let count = 1_000_000
        let registry = WatchRegistry(config: WatchConfig(eventQueueSize: count))
        // The pages of the queue are touched once before.
        let start = ContinuousClock.now
        for _ in 0..<count { registry.notify(update) }
        Measure.show("notify", "\(rounded((.now - start) / .nanoseconds(1) / Double(count))) ns")
    }

    private static func registration() async {
        let registry = WatchRegistry()
        let dispatching = Task { await WatchDispatcher(registry: registry).run() }
        let count = 100_000
        var start = ContinuousClock.now
        var handles: [WatcherHandle] = []
        for index in 0..<count { handles.append(registry.register(.key("watch/\(index)"))) }
        Measure.show("register", perSecond(count, .now - start))
        while registry.metrics.watchers < count { await Task.yield() }
        start = .now
        handles.removeAll()
        Measure.show("release", perSecond(count, .now - start))
        registry.shutdown()
        await dispatching.value
    }

    private static func fanOut() async throws {
        let (watchers, updates) = (100, 2000)
        let registry = WatchRegistry(config: WatchConfig(eventQueueSize: updates, watcherBufferSize: updates))
        let handles = (0..<watchers).map { _ in registry.register(.key("k")) }
        for revision in 1...updates {
            registry.notify(
                WatchUpdate(
                    revision: Revision(revision), events: [WatchEvent(type: .put, key: "k", revision: 1)]))
        }
        var start = ContinuousClock.now
        let dispatching = Task { await WatchDispatcher(registry: registry).run() }
        while registry.metrics.watchers < watchers { await Task.yield() }
        registry.shutdown()
        await dispatching.value
        let nanoseconds = (.now - start) / .nanoseconds(1) / Double(watchers * updates)
        Measure.show("fan-out to \(watchers) watchers, each delivery", "\(rounded(nanoseconds)) ns")
        start = .now
        var count = 0
        for handle in handles { for try await _ in handle { count += 1 } }
        Measure.show("consumed by its reader", perSecond(count, .now - start))
    }

    private static func idleWatchers() async {
        let registry = WatchRegistry()
        let dispatching = Task { await WatchDispatcher(registry: registry).run() }
        let count = 200_000
        let before = residentBytes()
        let handles = (0..<count).map { registry.register(.key("idle/\($0)")) }
        while registry.metrics.watchers < count { await Task.yield() }
        Measure.show("idle watcher, all in", "\((residentBytes() - before) / handles.count) B")
        registry.shutdown()
        await dispatching.value
    }

    private static func residentBytes() -> Int {
        let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
        let line = status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") }
        return (line?.split(separator: " ").compactMap { Int($0) }.first ?? 0) * 1024
    }
}
