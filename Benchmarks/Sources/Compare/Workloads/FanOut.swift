import Synchronization

/// From a put to its event, with one watcher and with a thousand on the same key.
struct FanOut: Workload {
    let name = "fan-out"

    func measure(_ run: Run) async throws -> [Section] {
        let section = Section(
            "fan-out", "From a put to its event, fanned out", axis: "watchers of the key",
            metrics: [
                Metric(id: "p50", title: "p50 of all events", unit: .nanoseconds),
                Metric(id: "p99", title: "p99 of all events", unit: .nanoseconds),
                Metric(id: "last", title: "p50 of the last watcher's event", unit: .nanoseconds),
                Metric(id: "rate", title: "events delivered a second, with 16 writers", unit: .perSecond),
            ],
            text: """
                One writer puts 128 bytes under one key and waits until all watchers of it have the event. Time counts \
                from before the put: with one watcher it is the latency from a put to its event. Then 16 writers put \
                that key as fast as they can, and the time until the last watcher has the last event counts.
                """)
        await run.interleave(storeSystems(), rounds: run.rounds, name: \.name, in: section) { system, _ in
            let path = run.newDirectory()
            defer { run.discard(path) }
            let store = try await system.open(path)
            for watchers in [1, 10, 100, 1000] {
                try await measure(store, system.name, watchers, run, section)
            }
            try await store.shutDown()
        }
        return [section]
    }

    private func measure(
        _ store: any OpenStore, _ system: String, _ watchers: Int, _ run: Run, _ section: Section
    ) async throws {
        let (writer, reader) = (try await store.session(callers: 1), try await store.session(callers: 16))
        let turn = FanOutTurn()
        var watches: [any StoreWatch] = []
        for _ in 0..<watchers {
            watches.append(try await reader.watch(.key("k/fan"), from: nil) { _ in turn.arrive() })
        }
        let value = [UInt8](repeating: 0x78, count: 128)
        // The first turn sees to it that all watches are there; it is not counted.
        _ = try await self.turn(turn, writer, watchers, value)
        var (all, last) = (Times(), Times())
        let (start, seconds) = (now(), run.choose(quick: 0.3, full: 0.7))
        repeat {
            let times = try await self.turn(turn, writer, watchers, value)
            all.add(times)
            if times.count == watchers { last.add(times.nanoseconds.max() ?? 0) }
        } while now() - start < .seconds(seconds)
        section.record("p50", system, watchers, all.percentile(0.5))
        section.record("p99", system, watchers, all.percentile(0.99))
        section.record("last", system, watchers, last.percentile(0.5))
        section.record("rate", system, watchers, try await rate(turn, store, watchers, seconds: seconds))
        for watch in watches { await watch.cancel() }
        await reader.close()
        await writer.close()
    }

    /// Events delivered a second: so many puts in so many seconds, and the time until all watchers have had the last.
    private func rate(
        _ turn: FanOutTurn, _ store: any OpenStore, _ watchers: Int, seconds: Double
    ) async throws -> Double {
        let session = OneKeySession(session: try await store.session(callers: 16))
        let arrivals = Arrivals()
        turn.count(arrivals)
        let start = now()
        let figures = try await Writers(count: 16, valueBytes: 128).write(session, seconds: seconds)
        arrivals.expect(figures.puts * watchers)
        guard await arrivals.wait(seconds: 30) else { throw MeasurementError("events did not come within 30 s") }
        let time = now() - start
        await session.close()
        return Double(figures.puts * watchers) / (Double(time) / 1e9)
    }

    private func turn(
        _ turn: FanOutTurn, _ writer: any StoreSession, _ watchers: Int, _ value: [UInt8]
    ) async throws -> Times {
        let arrivals = turn.begin(watchers)
        _ = try await writer.put("k/fan", value)
        guard await arrivals.wait(seconds: 5) else { throw MeasurementError("events did not come within 5 s") }
        return turn.end()
    }
}

/// The times of one put's events.
private final class FanOutTurn: Sendable {
    private struct State {
        /// Nil if the events are only counted.
        var start: Int64?
        var times = Times()
        var arrivals: Arrivals?
    }

    private let state = Mutex(State())

    func begin(_ watchers: Int) -> Arrivals {
        let arrivals = Arrivals(watchers)
        state.withLock { $0 = State(start: now(), arrivals: arrivals) }
        return arrivals
    }

    /// From now on events are only counted.
    func count(_ arrivals: Arrivals) {
        state.withLock { $0 = State(arrivals: arrivals) }
    }

    func arrive() {
        state.withLock { state in
            if let start = state.start { state.times.add(now() - start) }
            return state.arrivals
        }?.arrive()
    }

    func end() -> Times { state.withLock { $0.times } }
}

/// Puts one key, whichever is asked for.
private struct OneKeySession: ForwardingSession {
    let session: any StoreSession

    func put(_ key: String, _ value: [UInt8]) async throws -> Int64 { try await session.put("k/fan", value) }
}
