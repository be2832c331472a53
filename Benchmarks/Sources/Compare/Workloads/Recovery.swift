import Foundation
import Vigil

/// How long Vigil takes to open after a crash, by what the journal holds that was not checkpointed.
struct Recovery: Workload {
    let name = "recovery"

    func measure(_ run: Run) async throws -> [Section] {
        let section = Section(
            "recovery", "Opening after a crash", axis: "revisions in the journal alone",
            metrics: [Metric(id: "time", title: "time to open", unit: .nanoseconds)],
            text: """
                The files of a store that was never checkpointed, copied while it is open: what a crash would have left. \
                Values are 128 bytes. With the default options at most some 400 000 such changes are in the journal alone, and \
                about half as many when the checkpointer keeps up.
                """)
        await run.interleave(["Vigil"], rounds: run.rounds, name: \.self, in: section) { name, _ in
            for size in run.choose(quick: [1000, 10_000], full: [1000, 10_000, 100_000, 300_000]) {
                let (path, image) = (run.newDirectory(), run.newDirectory())
                defer { [path, image].forEach(run.discard) }
                let store = try await VigilSystem(options: .noCheckpoints).open(path)
                _ = try await store.fill(changes(0..<size, bytes: 128), deadline: .max)
                try copy(path, to: image)
                try await store.shutDown()
                // A journal was flushed before it crashed; its copy was not, and opening would wait for that.
                sync()
                let start = now()
                let reopened = try await WatchStore.open(image)
                section.record("time", name, size, Double(now() - start))
                try await reopened.close()
            }
        }
        return [section]
    }
}

/// Copies the files of an open store: all but the segment that is being made, which may get its name at any moment.
private func copy(_ path: String, to image: String) throws {
    let files = FileManager.default
    try files.createDirectory(atPath: image, withIntermediateDirectories: true)
    for name in try files.contentsOfDirectory(atPath: path) where !name.hasSuffix(".new") {
        try files.copyItem(atPath: path + "/" + name, toPath: image + "/" + name)
    }
}
