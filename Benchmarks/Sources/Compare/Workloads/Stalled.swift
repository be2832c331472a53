import Synchronization

/// What one watcher that does not read does to everybody else.
struct Stalled: Workload {
    let name = "stalled"

    func measure(_ run: Run) async throws -> [Section] {
        let section = Section(
            "stalled", "One stalled watcher among \(Self.watchers) healthy ones", axis: "stalled watchers",
            metrics: [
                Metric(id: "rate", title: "puts a second", unit: .perSecond, isCharted: false),
                Metric(id: "put", title: "p99 of a put", unit: .nanoseconds, isCharted: false),
                Metric(id: "p50", title: "p50 from a put to its healthy watcher", unit: .nanoseconds, isCharted: false),
                Metric(id: "p99", title: "p99 from a put to its healthy watcher", unit: .nanoseconds, isCharted: false),
                Metric(id: "memory", title: "memory of the server", unit: .bytes, isCharted: false),
            ],
            text: """
                8 writers put 1024 bytes as fast as they can, to \(Self.watchers) keys with one healthy watcher on each. \
                The stalled watcher is on all of them and reads nothing.
                """)
        section.isLogarithmic = false
        await run.interleave(storeSystems(), rounds: run.fewRounds, name: \.name, in: section) { system, _ in
            let path = run.newDirectory()
            defer { run.discard(path) }
            let store = try await system.open(path)
            let (writer, reader) = (try await store.session(callers: 8), try await store.session(callers: 16))
            let times = KeyTimes(Self.watchers)
            var watches: [any StoreWatch] = []
            for number in 0..<Self.watchers {
                watches.append(try await reader.watch(.key(key(number)), from: nil) { _ in times.arrived(number) })
            }
            let stalled = try await store.session(callers: 1)
            for count in 0...1 {
                if count == 1 {
                    guard let watch = try await stalled.stall(.all) else {
                        section.note("\(system.name): there is no way here to keep its client from reading.")
                        break
                    }
                    watches.append(watch)
                }
                let seconds = run.choose(quick: 0.8, full: 1.5)
                try await measure(writer, times, seconds: seconds) { metric, value in
                    section.record(metric, system.name, count, value)
                }
                section.record("memory", system.name, count, store.residentBytes.map(Double.init))
            }
            for watch in watches { await watch.cancel() }
            for session in [stalled, reader, writer] { await session.close() }
            try await store.shutDown()
        }
        return [section]
    }

    private static let watchers = 1000

    private func measure(
        _ writer: any StoreSession, _ times: KeyTimes, seconds: Double, _ record: (String, Double?) -> Void
    ) async throws {
        let sending = SendingSession(session: writer, times: times)
        let writers = Writers(count: 8, valueBytes: 1024, keys: UInt64(Self.watchers))
        _ = try await writers.write(sending, seconds: 0.2)
        _ = times.take()
        let figures = try await writers.write(sending, seconds: seconds)
        // Events that are still under way.
        try await Task.sleep(for: .milliseconds(300))
        let events = times.take()
        record("rate", figures.rate)
        record("put", figures.times.percentile(0.99))
        record("p50", events.percentile(0.5))
        record("p99", events.percentile(0.99))
    }
}

/// When the last put of each key began, and how long its event took.
private final class KeyTimes: Sendable {
    private let state: Mutex<(sent: [Int64], times: Times)>

    init(_ keys: Int) { state = Mutex(([Int64](repeating: 0, count: keys), Times())) }

    /// A put of a key whose event has not come yet is counted from the first of its puts.
    func sends(_ number: Int) {
        let moment = now()
        state.withLock { if $0.sent[number] == 0 { $0.sent[number] = moment } }
    }

    func arrived(_ number: Int) {
        let moment = now()
        state.withLock { state in
            if state.sent[number] != 0 { state.times.add(moment - state.sent[number]) }
            state.sent[number] = 0
        }
    }

    func take() -> Times {
        state.withLock { state in
            defer { state = ([Int64](repeating: 0, count: state.sent.count), Times()) }
            return state.times
        }
    }
}

/// Notes when each put begins.
private struct SendingSession: ForwardingSession {
    let session: any StoreSession
    let times: KeyTimes

    func put(_ key: String, _ value: [UInt8]) async throws -> Int64 {
        times.sends(Int(key.dropFirst(2))!)
        return try await session.put(key, value)
    }
}
