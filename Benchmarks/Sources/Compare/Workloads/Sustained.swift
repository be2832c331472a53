import Synchronization

/// Whether Vigil keeps up its pace: a minute of puts, second by second.
struct Sustained: Workload {
    let name = "sustained"
    static let writers = 512

    func measure(_ run: Run) async throws -> [Section] {
        let seconds = run.choose(quick: 6, full: 60)
        let course = Section(
            "sustained", "Vigil: \(seconds) seconds of puts", axis: "second",
            metrics: [Metric(id: "rate", title: "puts in each second", unit: .perSecond)],
            text: "\(Self.writers) writers, 128 bytes, a million keys, checkpoints as they come.")
        course.isLogarithmic = false
        let whole = Section(
            "sustained-whole", "Vigil: these puts together", axis: "seconds",
            metrics: [
                Metric(id: "rate", title: "puts a second", unit: .perSecond, isCharted: false),
                Metric(id: "p50", title: "p50 of a put", unit: .nanoseconds, isCharted: false),
                Metric(id: "p99", title: "p99 of a put", unit: .nanoseconds, isCharted: false),
            ],
            text: "The whole time, as one figure.")
        let vigil: any StoreSystem = VigilSystem()
        await run.interleave([vigil], rounds: 1, name: \.name, in: course) { system, _ in
            let path = run.newDirectory()
            defer { run.discard(path) }
            let store = try await system.open(path)
            let session = CountingSession(session: try await store.session(callers: Self.writers))
            let ticker = Task {
                var counts: [Int] = []
                let start = now()
                for second in 1...seconds {
                    try await sleep(until: start + .seconds(Double(second)))
                    counts.append(session.take())
                }
                return counts
            }
            let figures = try await Writers(count: Self.writers, valueBytes: 128)
                .write(session, seconds: Double(seconds) + 0.1)
            for (second, count) in try await ticker.value.enumerated() {
                course.record("rate", system.name, second + 1, Double(count))
            }
            whole.record("rate", system.name, seconds, figures.rate)
            whole.record("p50", system.name, seconds, figures.times.percentile(0.5))
            whole.record("p99", system.name, seconds, figures.times.percentile(0.99))
            try await store.shutDown()
        }
        return [course, whole]
    }
}

/// Counts the puts that were acknowledged.
private final class CountingSession: ForwardingSession {
    let session: any StoreSession
    private let count = Atomic(0)

    init(session: any StoreSession) { self.session = session }

    /// How many since the last call.
    func take() -> Int { count.exchange(0, ordering: .relaxed) }

    func put(_ key: String, _ value: [UInt8]) async throws -> Int64 {
        defer { count.add(1, ordering: .relaxed) }
        return try await session.put(key, value)
    }
}
