import CDiskShim
import Foundation
import TestSupport
import Testing
import Vigil

/// What the writer had been told at some point of the trace.
struct Promised {
    var acknowledged: [Acknowledged] = []
    /// The number of the record of each.
    var records: [Int] = []
    /// Compactions that were done, and the newest that was asked for.
    var compacted: Revision = 0
    var compacting: Revision = 0
    /// At the level `.interval`: the newest revision before which the journal has nothing that is not durable.
    var durable: Revision = 0
    var runs = 1
    /// Writes that were acknowledged and need not be there.
    var others = 0

    mutating func add(_ mark: String, at record: Int) throws {
        if mark.hasPrefix("compacting ") {
            compacting = try #require(Revision(mark.dropFirst(11)))
        } else if mark.hasPrefix("compacted ") {
            compacted = try #require(Revision(mark.dropFirst(10)))
        } else {
            acknowledged.append(try Acknowledged(line: mark, "ack"))
            records.append(record)
        }
    }
}

/// Looks at images of the points of a trace.
struct LossSearch {
    private let level: String
    private let place: String
    private let directory: String
    private(set) var random: SeededGenerator
    private var promised = Promised()

    init(_ level: String, _ place: String, _ directory: String, _ random: SeededGenerator) {
        self.level = level
        self.place = place
        self.directory = directory
        self.random = random
    }

    /// Loses power at one point, and goes on from what is left.
    mutating func lose(_ trace: DiskTrace, at end: Int) throws -> DiskImage {
        var model = DiskModel()
        for (index, record) in trace.records[...end].enumerated() { try step(record, index, trace, &model) }
        let survivors = survivors(ImageBuilder.units(model))
        promised.runs += 1
        // What was not promised may be gone, and its revisions are then made anew.
        let floor = floor()
        promised.others = promised.acknowledged.count { $0.revision > floor }
        promised.acknowledged.removeAll { $0.revision > floor }
        promised.records = promised.acknowledged.map { _ in -1 }
        return ImageBuilder.image(model, survivors, seed: random.next())
    }

    /// Spreads `images` images over the points of `trace`.
    mutating func run(_ trace: DiskTrace, _ disk: DiskModel, images: Int) async throws {
        let points = trace.records.count
        try await run(trace, disk) { search, index, units, made in
            let count = images * (index + 1) / points - made
            return (0..<count).map { _ in search.survivors(units) }
        }
    }

    /// Each point of `trace`, with all that is simple and some that are not.
    mutating func runSystematically(_ trace: DiskTrace) async throws {
        try await run(trace, DiskModel()) { search, _, units, _ in
            let each = (0..<units).flatMap { [Survivors.only($0), .allBut($0)] }
            return [.none, .all] + each + [1, 3, 5, 7, 9].map { .random($0) }
        }
    }

    /// Makes the images that `choose` says at each point: told the point, how many changes are not durable, and how many
    /// images there were.
    private mutating func run(
        _ trace: DiskTrace, _ disk: DiskModel, choose: (inout LossSearch, Int, Int, Int) -> [Survivors]
    ) async throws {
        var model = disk
        var made = 0
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (index, record) in trace.records.enumerated() {
                try step(record, index, trace, &model)
                let units = ImageBuilder.units(model)
                for survivors in choose(&self, index, units, made) {
                    if made >= ProcessInfo.processInfo.activeProcessorCount { try await group.next() }
                    let check = LossCheck(
                        image: ImageBuilder.image(model, survivors, seed: random.next()), promised: promised,
                        floor: floor(), isRepeated: random.chance(4), path: "\(directory)/image-\(made)",
                        trace: directory + "/trace",
                        place: "\(place), record \(index) of \(trace.records.count), "
                            + "\(survivors) of \(units) changes survive")
                    group.addTask { try await check.run() }
                    made += 1
                }
            }
            try await group.waitForAll()
        }
        print("\(place): \(made) images of \(trace.records.count) points")
    }

    private mutating func step(
        _ record: DiskTrace.Record, _ index: Int, _ trace: DiskTrace, _ model: inout DiskModel
    ) throws {
        model.apply(record, of: trace)
        if record.kind == disk_mark { try promised.add(trace.text(record), at: index) }
        guard level.hasPrefix("interval") else { return }
        let loss = model.firstLoss("store/journal-") ?? .max
        let end = promised.records.firstIndex { $0 >= loss } ?? promised.records.count
        promised.durable = max(promised.durable, promised.acknowledged[..<end].map(\.revision).max() ?? 0)
    }

    /// The newest revision that must be there.
    private func floor() -> Revision {
        level.hasPrefix("sync") ? promised.acknowledged.map(\.revision).max() ?? 0 : promised.durable
    }

    private mutating func survivors(_ units: Int) -> Survivors {
        guard units > 0 else { return .none }
        switch random.below(8) {
        case 0: return .none
        case 1: return .all
        case 2: return .allBut(random.below(units))
        case 3: return .only(random.below(units))
        default: return .random([1, 3, 5, 7, 9][random.below(5)])
        }
    }
}
