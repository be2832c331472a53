/// How long it takes to open a store, by the length of its history.
struct Opening: Workload {
    let name = "open"

    func measure(_ run: Run) async throws -> [Section] {
        let section = Section(
            "open", "Opening a store", axis: "revisions",
            metrics: [Metric(id: "time", title: "time to open", unit: .nanoseconds)],
            text: """
                The store was closed in good order; values are 16 bytes under a million keys. For a server it is the \
                time from starting the program to its first answer.
                """)
        let sizes = run.choose(quick: [10_000, 100_000, 300_000], full: [100_000, 1_000_000, 10_000_000])
        await run.interleave(storeSystems(), rounds: 1, name: \.name, in: section) { system, _ in
            let path = run.newDirectory()
            defer { run.discard(path) }
            var count = 0
            for size in sizes {
                // Only Vigil is grown to the last size: for the others it would take longer than everything else.
                if size == sizes.last, !(system is VigilSystem), size > 1_000_000 { break }
                run.say("\(section.title): \(system.name), \(size) revisions")
                let store = try await system.open(path)
                let deadline = now() + .seconds(run.choose(quick: 4, full: system is VigilSystem ? 120 : 9))
                while count < size, now() < deadline {
                    let next = changes(count..<min(size, count + 65_536), bytes: 16)
                    count += try await store.fill(next, deadline: deadline)
                }
                try await store.shutDown()
                for _ in 0..<run.choose(quick: 2, full: 5) {
                    let start = now()
                    let store = try await system.open(path)
                    let time = now() - start
                    try await store.shutDown()
                    section.record("time", system.name, count < size ? count : size, Double(time))
                }
                if count < size {
                    section.note("\(system.name) was filled only to \(count) revisions within its time.")
                    break
                }
            }
        }
        return [section]
    }
}
