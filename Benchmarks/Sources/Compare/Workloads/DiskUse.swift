import Foundation
import Peers
import Vigil

/// What a change takes on disk.
struct DiskUse: Workload {
    let name = "disk"

    func measure(_ run: Run) async throws -> [Section] {
        let whole = Section(
            "disk", "Bytes on disk for each change", axis: "changes",
            metrics: [Metric(id: "bytes", title: "allocated in the store's directory, by changes", unit: .bytes)],
            text: """
                Values are JSON of about 300 bytes, written by many at once, into 5000 keys; the whole history is kept. \
                The directory is measured after the store was closed. Files that are allocated before they are needed \
                count, which shows where there is little in them. A stream of Redis alone has no newest values to be asked \
                for by key, which all others have: so it stands there with them too.
                """)
        let log = Section(
            "log", "Vigil's log against what went into it", axis: "changes",
            metrics: [
                Metric(id: "ratio", title: "stored by raw size", unit: .ratio, isCharted: false),
                Metric(id: "bytes", title: "bytes of log for each change", unit: .bytes, isCharted: false),
            ],
            text: """
                Blocks and their headers, without the state and the journal, once sealed. The slow writer makes a change every 12 ms \
                with a checkpoint every 10 ms, so that each of them finds one change: an hour's writing of one change \
                a second, seen faster.
                """)
        let sizes = run.choose(quick: [1000, 10_000], full: [1000, 10_000, 100_000])
        let systems = storeSystems() + peersWithValues().prefix(1).map(PeerSystem.init)
        await run.interleave(systems, rounds: 1, name: \.name, in: whole) { system, _ in
            let path = run.newDirectory()
            defer { run.discard(path) }
            var count = 0
            for size in sizes {
                let store = try await system.open(path)
                let made = try await store.fill(
                    jsonChanges(count..<size), deadline: now() + .seconds(run.choose(quick: 4, full: 20)))
                try await store.shutDown()
                count += made
                whole.record("bytes", system.name, count, Double(allocatedBytes(under: path)) / Double(count))
                if system is VigilSystem { try await recordLog(path, "Vigil, many writers", count, log) }
                if count < size { break }
            }
        }
        await run.interleave(["Vigil, slow writer"], rounds: 1, name: \.self, in: log) { name, _ in
            let path = run.newDirectory()
            defer { run.discard(path) }
            let count = run.choose(quick: 300, full: 1000)
            try await writeSlowly(path, count)
            try await recordLog(path, name, count, log)
        }
        return [whole, log]
    }

    private func writeSlowly(_ path: String, _ count: Int) async throws {
        var options = StoreOptions()
        options.log.checkpointInterval = .milliseconds(10)
        let store = try await WatchStore.open(path, options: options)
        let start = now()
        for (index, change) in jsonChanges(0..<count).enumerated() {
            try await sleep(until: start + .milliseconds(12) * Int64(index))
            try await store.put(Bytes(change.key), Bytes(change.value))
        }
        try await store.close()
    }

    private func recordLog(_ path: String, _ name: String, _ count: Int, _ section: Section) async throws {
        let store = try await WatchStore.open(path)
        try await store.seal()
        let statistics = try store.statistics()
        try await store.close()
        section.record("ratio", name, count, statistics.ratio)
        section.record("bytes", name, count, Double(statistics.logBytes) / Double(count))
    }
}

/// What the files under `path` occupy, in whole blocks of the file system.
private func allocatedBytes(under path: String) -> Int {
    let files = FileManager.default.enumerator(atPath: path)
    return files?.reduce(into: 0) { total, file in
        var information = stat()
        guard let file = file as? String, lstat(path + "/" + file, &information) == 0 else { return }
        total += Int(information.st_blocks) * 512
    } ?? 0
}
