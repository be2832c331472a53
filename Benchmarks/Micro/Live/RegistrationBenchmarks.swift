import Benchmark
import WatchDispatch

/// What coming and going costs a watcher, with the dispatcher at work beside it.
enum RegistrationBenchmarks {
    private static let keys = (0..<100_000).map { KeyRange.key("watch/\($0)") }

    static func register() {
        Benchmark("register a watcher", configuration: .times(seconds: 4)) { benchmark in
            let live = Live()
            var handles: [WatcherHandle] = []
            handles.reserveCapacity(keys.count)
            benchmark.time(keys.count) {
                for key in keys { handles.append(live.registry.register(key)) }
            }
            await live.awaitWatchers(keys.count)
            await live.end()
        }
        Benchmark("release a watcher", configuration: .times(seconds: 4)) { benchmark in
            let live = Live()
            var handles = keys.map { live.registry.register($0) }
            await live.awaitWatchers(keys.count)
            benchmark.time(keys.count) { handles.removeAll() }
            await live.end()
        }
    }
}
