import Vigil

/// What Vigil's writers feel of its checkpoints: the same puts with them and without.
struct Checkpoints: Workload {
    let name = "checkpoints"
    static let without = "Vigil, no checkpoints"

    func measure(_ run: Run) async throws -> [Section] {
        let section = Section(
            "checkpoints", "What a checkpoint does to writers", axis: "writers",
            metrics: [
                Metric(id: "p50", title: "p50 of a put", unit: .nanoseconds, isCharted: false),
                Metric(id: "p99", title: "p99 of a put", unit: .nanoseconds),
                Metric(id: "ratio", title: "p99 by p50", unit: .ratio),
            ],
            text: """
                Puts of 128 bytes to random keys out of a million, once with checkpoints as they come, once with none \
                during the measurement.
                """)
        let systems: [any StoreSystem] = [VigilSystem(), VigilSystem(name: Self.without, options: .noCheckpoints)]
        let seconds = run.choose(quick: 1.2, full: 2.5)
        await run.interleave(systems, rounds: run.rounds, name: \.name, in: section) { system, _ in
            for writers in [1, 64, 512] {
                let path = run.newDirectory()
                defer { run.discard(path) }
                let store = try await system.open(path)
                let session = try await store.session(callers: writers)
                // Some keys first, so that the tree is not tiny.
                _ = try await store.fill(changes(0..<100_000, bytes: 128), deadline: .max)
                let figures = try await Writers(count: writers, valueBytes: 128).write(session, seconds: seconds)
                let (p50, p99) = (figures.times.percentile(0.5), figures.times.percentile(0.99))
                section.record("p50", system.name, writers, p50)
                section.record("p99", system.name, writers, p99)
                if let p50, let p99 { section.record("ratio", system.name, writers, p99 / p50) }
                try await store.shutDown()
            }
        }
        return [section]
    }
}

extension StoreOptions {
    /// Nothing is moved from the journal while a short measurement lasts.
    static var noCheckpoints: StoreOptions {
        var options = StoreOptions()
        options.log.checkpointInterval = .seconds(3600)
        options.log.checkpointBytes = 1 << 30
        options.log.pendingBytes = 1 << 30
        options.log.segments = 80
        return options
    }
}
