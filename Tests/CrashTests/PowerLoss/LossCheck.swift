import Foundation
import Testing
import Threads
import Vigil

/// Opens one image, and compares what it has with what was promised.
struct LossCheck {
    var image: DiskImage
    var promised: Promised
    /// The newest revision that must be there.
    var floor: Revision
    /// Whether it is opened once more, after the first opening has repaired it.
    var isRepeated: Bool
    var path: String
    var trace: String
    var place: String

    /// How many were kept.
    private static let kept = Lock(0)

    /// As small as those of the writer, so that nothing large is made for each image.
    private static var options: StoreOptions {
        var options = StoreOptions()
        options.log.segmentBytes = 64 << 10
        options.log.transactionBytes = 8 << 10
        options.log.mapBytes = 1 << 20
        return options
    }

    func run() async throws {
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        try image.write(to: path)
        var problems: [String] = []
        do {
            try await verify(&problems)
        } catch {
            problems.append("\(error)")
        }
        if !problems.isEmpty { try keep(problems) }
        try FileManager.default.removeItem(atPath: path)
    }

    private func verify(_ problems: inout [String]) async throws {
        let store = try await WatchStore.open(path + "/store", options: Self.options)
        let head = store.head
        // At the level `.interval` more was acknowledged than what must be there.
        let acknowledged = promised.acknowledged.filter { $0.revision <= max(head, floor) }
        problems += try WriterTrace.problems(store, acknowledged, runs: promised.runs, others: promised.others)
        let earliest = max(1, promised.compacted)...max(1, promised.compacting)
        if !earliest.contains(store.earliest) {
            problems.append("the earliest is \(store.earliest), not in \(earliest)")
        }
        if try await store.put("after", "the loss") != head + 1 { problems.append("a put does not follow \(head)") }
        try await store.close()
        guard isRepeated else { return }
        let again = try await WatchStore.open(path + "/store", options: Self.options)
        if again.head != head + 1 { problems.append("opened again, the head is \(again.head), not \(head + 1)") }
        if try again.get("after")?.value != "the loss" { problems.append("opened again, a put is not there") }
        problems += try again.check(deep: true).problems.map(\.description)
        try await again.close()
    }

    /// Says what was wrong, and keeps the image and the trace for who looks for the reason.
    private func keep(_ problems: [String]) throws {
        let text = "\(place): \(problems.prefix(5).joined(separator: "; "))"
        let number = Self.kept.withLock { number in
            number += 1
            return number
        }
        guard number <= 3 else {
            Issue.record("\(text)")
            return
        }
        let kept = NSTemporaryDirectory() + "/vigil-loss-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: kept + "/before", withIntermediateDirectories: true)
        try image.write(to: kept + "/before")
        try FileManager.default.copyItem(atPath: trace, toPath: kept + "/trace")
        Issue.record("\(text); kept in \(kept)")
    }
}
