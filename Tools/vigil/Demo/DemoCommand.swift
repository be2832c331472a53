import ArgumentParser
import Foundation
import Vigil

struct DemoCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo",
        abstract: "Feed this machine's package history into a store, under the eyes of four watchers.",
        discussion: """
            One follows live; one is slow, is parked, and catches up from the log; one is another process that is killed \
            half way and started again; one joins late. Then what each saw is compared with the log, event by event. \
            Exits with 0 only if nothing is missing, nothing came twice, one was parked and one killed; else with 3.
            """)

    /// Transactions that are submitted together.
    private static let chunk = 16
    /// Marks a store as a demo's.
    private static let marker: Bytes = "demo"

    @Option(name: .long, help: ArgumentHelp("The store's directory; it must be new, or a demo's.", valueName: "dir"))
    var data =
        ProcessInfo.processInfo.environment["VIGIL_DATA"].flatMap { $0.isEmpty ? nil : $0 }
        ?? "./vigil-demo"
    @Option(help: ArgumentHelp("At most so many revisions.", valueName: "n")) var events: Int?
    @Flag(name: .long, help: "Print the result as one JSON object.") var json = false

    func validate() throws {
        if let events, events < 100 {
            throw ValidationError("--events is \(events); below 100 there is nothing to see")
        }
    }

    func run() async throws {
        let history = await PackageHistory(limit: events)
        let store = try await open()
        let start = store.head
        let child = DemoChild(data: data, start: start)
        let interruption = Interruption {
            child.stop()
            Foundation.exit(ExitStatus.interrupted)
        }
        defer { interruption.end() }
        Output.error("read \(history.sources.joined(separator: "; "))")
        Output.error("writing \(history.transactions.count) changes into \(data) …")
        let reports = try await watchAndWrite(store, history, child, start)
        let verdicts = try judge(store, reports)
        // Closing moves everything into the log, so its size is that of all revisions.
        try await store.close()
        let closed = try await WatchStore.open(data, options: StoreOptions(access: .readOnly))
        let table = DemoTable(
            verdicts: verdicts, statistics: try closed.statistics(), seconds: reports.seconds, sources: history.sources)
        try await closed.close()
        Output.standard.line(json ? table.object.text : table.text(data: data))
        if table.failure != nil { throw ExitCode(ExitStatus.store) }
    }

    private func open() async throws -> WatchStore {
        let store = try await WatchStore.open(data)
        if store.head > 0, try store.get(Self.marker) == nil {
            try await store.close()
            throw InputError("\(data) has a store that is not a demo's; choose another directory with --data")
        }
        try await store.put(Self.marker, "this store was made by vigil demo")
        return store
    }

    private func watchAndWrite(
        _ store: WatchStore, _ history: PackageHistory, _ child: DemoChild, _ start: Revision
    ) async throws -> (all: [WatcherReport], seconds: Double) {
        let progress = DemoProgress(head: start)
        let watchers = try DemoWatchers(
            store: store, progress: progress, start: start, planned: history.transactions.count)
        let half = start + Revision(history.transactions.count / 2)
        async let fast = watchers.fast()
        async let slow = watchers.slow()
        async let late = watchers.late()
        async let other = child.follow(progress, killAt: half)
        let began = ContinuousClock.now
        do {
            try await write(history, store, progress)
        } catch {
            // The watchers wait for a writer that is no more.
            child.stop()
            await progress.advance(to: store.head, isFinished: true)
            throw error
        }
        let seconds = (ContinuousClock.now - began) / .milliseconds(1) / 1000
        Output.error("written; waiting for the watchers …")
        return (try await [fast, slow, other, late], seconds)
    }

    private func write(_ history: PackageHistory, _ store: WatchStore, _ progress: DemoProgress) async throws {
        var rest = history.transactions[...]
        while !rest.isEmpty {
            for outcome in try await store.transactions(Array(rest.prefix(Self.chunk))) { _ = try outcome.get() }
            rest = rest.dropFirst(Self.chunk)
            await progress.advance(to: store.head)
        }
        await progress.advance(to: store.head, isFinished: true)
    }

    private func judge(
        _ store: WatchStore, _ reports: (all: [WatcherReport], seconds: Double)
    ) throws -> [Verdict] {
        var log: [Sighting] = []
        var next: Revision? = store.earliest
        while let revision = next {
            let page = try store.log(from: revision)
            for update in page.updates { log += update.map(Sighting.init) }
            next = page.next
        }
        return reports.all.map { Verdict($0, log: log) }
    }
}
