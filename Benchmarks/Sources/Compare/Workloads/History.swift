import Foundation

/// What a watcher pays that comes late: replay of everything, resume of a quiet key, catching up while others write; by
/// the length of the history.
struct History: Workload {
    let name = "history"

    func measure(_ run: Run) async throws -> [Section] {
        let sections = HistorySections()
        let sizes = run.choose(quick: [10_000, 100_000], full: [10_000, 100_000, 1_000_000])
        var open: [OpenHistory] = []
        defer { for history in open { run.discard(history.path) } }
        await run.interleave(storeSystems(), rounds: 1, name: \.name, in: sections.replay) { system, _ in
            open.append(try await OpenHistory(system, path: run.newDirectory()))
        }
        for size in sizes {
            await run.interleave(open, rounds: 1, name: \.name, in: sections.replay) { history, _ in
                run.say("filling \(history.name) with \(size) changes")
                try await history.grow(to: size, seconds: run.choose(quick: 5, full: 15))
            }
            for history in open where history.count < size {
                sections.replay.note(
                    """
                    \(history.name) took only \(history.count) changes within the time to fill it; its figures at \
                    \(size) come from those, and times of the whole are scaled up.
                    """)
            }
            for (section, part) in sections.parts {
                let rounds = section === sections.quiet ? run.fewRounds : run.rounds
                await run.interleave(open, rounds: rounds, name: \.name, in: section) { history, _ in
                    try await part(history, size, run, section)
                }
            }
            await run.interleave([FlushFloor.name], rounds: run.rounds, name: \.self, in: sections.behind) {
                name, _ in
                try await measureFloor(name, size, run, sections.behind)
            }
        }
        for history in open { await history.close() }
        return [sections.replay, sections.quiet, sections.behind]
    }
}

/// A store with its history.
final class OpenHistory {
    let name: String
    let path: String
    /// Changes since `first`, without those of the quiet key.
    private(set) var count = 0
    /// The revision of the first change.
    let first: Int64
    /// Revisions of the quiet key's newest change.
    private(set) var quiet: Int64
    /// How many changes of the quiet key there are.
    private(set) var quietChanges = 1
    private let store: any OpenStore
    let session: any StoreSession

    init(_ system: any StoreSystem, path: String) async throws {
        (name, self.path) = (system.name, path)
        store = try await system.open(path)
        session = try await store.session(callers: 64)
        first = try await session.put("k/quiet", [])
        quiet = first
    }

    /// Adds changes until there are `size`, or the time is over; then the quiet key changes.
    func grow(to size: Int, seconds: Double) async throws {
        let deadline = now() + .seconds(seconds)
        while count < size, now() < deadline {
            let next = changes(count..<min(size, count + 65_536), bytes: 128)
            count += try await store.fill(next, deadline: deadline)
        }
        quiet = try await session.put("k/quiet", [])
        quietChanges += 1
    }

    func wrote(_ puts: Int) { count += puts }

    /// A session for readers alone, so that they share no connection with writers.
    func reader() async throws -> any StoreSession { try await store.session(callers: 1) }

    func close() async {
        await session.close()
        try? await store.shutDown()
    }
}

/// The sections, and what is measured for each.
private struct HistorySections {
    let replay = Section(
        "replay", "Replay of the whole history", axis: "changes in the history",
        metrics: [
            Metric(id: "rate", title: "events a second", unit: .perSecond),
            Metric(id: "time", title: "time for all", unit: .nanoseconds),
        ],
        text: """
            One watcher of all keys, from the first revision to the newest. Changes are 128 bytes under a million keys.
            """)
    let quiet = Section(
        "quiet", "Resume of a quiet key", axis: "other changes since",
        metrics: [Metric(id: "p50", title: "p50 of the time to its newest event", unit: .nanoseconds)],
        text: """
            A watcher resumes one key from the beginning of the history. Nothing happened to it but a change at the \
            very end, which it waits for.
            """)
    let behind = Section(
        "behind", "Catching up while others write", axis: "changes behind",
        metrics: [
            Metric(id: "time", title: "time to catch up", unit: .nanoseconds),
            Metric(id: "with", title: "p99 of a put meanwhile", unit: .nanoseconds),
            Metric(id: "without", title: "p99 of a put with nobody catching up", unit: .nanoseconds, isCharted: false),
        ],
        text: """
            A watcher of all keys resumes from the first revision, while 16 writers put 1000 times a second together; \
            again and again, so that their p99 has time to show. Before that everybody is given a few seconds to end what \
            filling and reading has left to do: all stores are open, on one disk. The floor is a file that takes the same \
            puts, those that come during a flush with the next one: what of the p99 is the disk's.
            """)

    typealias Part = (OpenHistory, Int, Run, Section) async throws -> Void

    var parts: [(Section, Part)] { [(replay, measureReplay), (quiet, measureQuiet), (behind, measureBehind)] }
}

private func measureReplay(_ history: OpenHistory, _ size: Int, _ run: Run, _ section: Section) async throws {
    let reader = try await history.reader()
    let reading = try await reader.read(
        .all, from: history.first, through: history.quiet, seconds: run.choose(quick: 2, full: 3))
    await reader.close()
    let isWhole = reading.isComplete && history.count >= size
    let rate = Double(reading.events) / (Double(reading.time) / 1e9)
    guard reading.events > 0 else { throw MeasurementError("no event came of a history of \(history.count)") }
    section.record("rate", history.name, size, rate, isWhole ? .measured : .extrapolated)
    section.record("time", history.name, size, Double(size) / rate * 1e9, isWhole ? .measured : .extrapolated)
}

private func measureQuiet(_ history: OpenHistory, _ size: Int, _ run: Run, _ section: Section) async throws {
    let reader = try await history.reader()
    let limit = run.choose(quick: 1.5, full: 3.0)
    var times = Times()
    let start = now()
    var certainty = Reading.Certainty.measured
    repeat {
        let reading = try await reader.read(
            .key("k/quiet"), from: history.first + 1, through: history.quiet, seconds: limit)
        times.add(reading.time)
        if !reading.isComplete { certainty = .beyond }
    } while times.count < 50 && now() - start < .seconds(limit / 4)
    await reader.close()
    if history.count < size, certainty == .measured { certainty = .extrapolated }
    section.record("p50", history.name, size, times.percentile(0.5), certainty)
}

private func measureFloor(_ name: String, _ size: Int, _ run: Run, _ section: Section) async throws {
    let path = run.newDirectory()
    defer { run.discard(path) }
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    let seconds = run.choose(quick: 0.6, full: 1.0)
    try await Disk.settle(limit: run.choose(quick: 1, full: 4))
    let figures = try await onThread {
        Result {
            try FlushFloor.measure(path + "/journal", perSecond: pacedPuts, bytes: pacedBytes, seconds: seconds)
        }
    }.get()
    section.record("without", name, size, figures.times.percentile(0.99))
}

private let pacedPuts = 1000.0
private let pacedBytes = 128

private func measureBehind(_ history: OpenHistory, _ size: Int, _ run: Run, _ section: Section) async throws {
    let seconds = run.choose(quick: 0.6, full: 1.0)
    let writers = Writers(count: 16, valueBytes: pacedBytes, perSecond: pacedPuts)
    let session = history.session
    try await Disk.settle(limit: run.choose(quick: 1, full: 4))
    let alone = try await writers.write(session, seconds: seconds)
    history.wrote(alone.puts)

    let reader = try await history.reader()
    let isOver = Flag()
    async let writing = writers.write(session) { isOver.isSet }
    let start = now()
    var times = Times()
    var events = 0
    var isComplete = true
    repeat {
        let reading = try await reader.read(
            .all, from: history.first, through: history.quiet, seconds: run.choose(quick: 2, full: 3))
        times.add(reading.time)
        events = reading.events
        isComplete = isComplete && reading.isComplete
    } while isComplete && now() - start < .seconds(seconds)
    isOver.set()
    let meanwhile = try await writing
    history.wrote(meanwhile.puts)
    await reader.close()

    section.record("without", history.name, size, alone.times.percentile(0.99))
    section.record("with", history.name, size, meanwhile.times.percentile(0.99))
    let isWhole = isComplete && history.count >= size
    let scale = isWhole ? 1 : Double(size) / Double(max(1, events))
    section.record(
        "time", history.name, size, times.percentile(0.5).map { $0 * scale }, isWhole ? .measured : .extrapolated)
}
