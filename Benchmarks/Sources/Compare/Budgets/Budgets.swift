/// The live path's budgets.
private let liveBudgets: [Budget] = [
    Budget("`notify`, dispatcher awake, one producer", .nanoseconds, atMost: 10) {
        $0.value("producer", "cost", at: 1)
    },
    Budget("`notify`, dispatcher awake, four producers", .nanoseconds, atMost: 10) {
        $0.value("producer", "cost", at: 4)
    },
    Budget("`notify`, dispatcher asleep, p50", .nanoseconds, text: "one wake-up") { $0.value("asleep", "p50") },
    latency("p50", 1000, 20_000), latency("p99", 1000, 65_000),
    latency("p50", 10_000, 20_000), latency("p99", 10_000, 65_000),
    Budget("dispatch to one of 10 k watchers on distinct keys", .nanoseconds, atMost: 150) {
        $0.value("dispatch", "cost", at: 10_000)
    },
    Budget("100 k watchers on distinct keys, by the cost with 1", .ratio, atMost: 1.25) { results in
        ratio(results.value("dispatch", "cost", at: 100_000), results.value("dispatch", "cost", at: 1))
    },
    Budget("fan-out of one event to 100 watchers, each delivery", .nanoseconds, atMost: 25) {
        $0.value("dispatch-fan-out", "cost", at: 100)
    },
    Budget("fan-out to 100 watchers, consumed", .perSecond, atLeast: 10e6) {
        $0.value("dispatch-fan-out", "consumed", at: 100)
    },
    Budget("delivery to one watcher, consumed", .perSecond, atLeast: 3e6) { $0.value("delivery", "rate", at: 1) },
    Budget("registration", .perSecond, atLeast: 1e6) { $0.value("registration", "register") },
    Budget("release", .perSecond, atLeast: 1e6) { $0.value("registration", "release") },
    Budget("idle watcher", .bytes, atMost: 512) { $0.value("registration", "memory") },
]

/// The store's budgets.
private let storeBudgets: [Budget] = [
    Budget("durable put, one writer, by a bare write and flush", .ratio, atMost: 1.3) { results in
        ratio(results.value("puts-128", "p50", at: 1), results.value("puts-128", "p50", FlushFloor.name, at: 1))
    },
    Budget("durable puts, 512 writers, 128 bytes", .perSecond, atLeast: 300_000) {
        $0.value("puts-128", "rate", at: 512)
    },
    Budget("durable puts, 512 writers, 128 bytes, sustained", .perSecond, atLeast: 150_000) {
        $0.value("sustained-whole", "rate")
    },
    checkpoint(1), checkpoint(64), checkpoint(512),
    Budget("replay of the whole log, one watcher", .perSecond, atLeast: 5e6) { $0.value("replay", "rate") },
    Budget("resume of a quiet key past 100 k other changes", .nanoseconds, atMost: 1e6) {
        $0.value("quiet", "p50", at: 100_000)
    },
    Budget("open, the longest history", .nanoseconds, atMost: 50e6) { $0.value("open", "time") },
    Budget("open after a crash, the longest journal", .nanoseconds, atMost: 50e6) {
        $0.value("recovery", "time")
    },
    Budget("log of JSON-like changes by their raw size", .ratio, atMost: 0.25) {
        $0.value("log", "ratio", "Vigil, many writers")
    },
    Budget("log of JSON-like changes, slow writer", .ratio, atMost: 0.25) {
        $0.value("log", "ratio", "Vigil, slow writer")
    },
]

let allBudgets = storeBudgets + liveBudgets

private func latency(_ metric: String, _ rate: Int, _ limit: Double) -> Budget {
    Budget("`notify` to `next()`, paced at \(rate) a second, \(metric)", .nanoseconds, atMost: limit) {
        $0.value("latency", metric, at: Double(rate))
    }
}

private func checkpoint(_ writers: Int) -> Budget {
    Budget("puts beside checkpoints, \(writers) writer\(writers == 1 ? "" : "s"), p99 by p50", .ratio, atMost: 3) {
        $0.value("checkpoints", "ratio", at: Double(writers))
    }
}

private func ratio(_ value: Double?, _ other: Double?) -> Double? {
    guard let value, let other, other > 0 else { return nil }
    return value / other
}
