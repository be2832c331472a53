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
        promised.acknowledged.removeAll { $0.revision > floor }
        promised.records = promised.acknowledged.map { _ in -1 }
        return ImageBuilder.image(model, survivors, seed: random.next())
    }

    /// Spreads `images` images over the points of `trace`.
    mutating func run(_ trace: DiskTrace, _ disk: DiskModel, images: Int) async throws {
        var model = disk
        var made = 0
        let points = trace.records.count
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (index, record) in trace.records.enumerated() {
                try step(record, index, trace, &model)
                while made * points < images * (index + 1) {
                    let units = ImageBuilder.units(model)
                    let survivors = survivors(units)
                    let image = ImageBuilder.image(model, survivors, seed: random.next())
                    let check = LossCheck(
                        image: image, promised: promised, floor: floor(), isRepeated: random.chance(4),
                        path: "\(directory)/image-\(made)", trace: directory + "/trace",
                        place: "\(place), record \(index) of \(points), \(survivors) of \(units) changes survive")
                    if made >= ProcessInfo.processInfo.activeProcessorCount { try await group.next() }
                    group.addTask { try await check.run() }
                    made += 1
                }
            }
            try await group.waitForAll()
        }
        print("\(place): \(made) images of \(points) points")
    }

    private mutating func step(
        _ record: DiskTrace.Record, _ index: Int, _ trace: DiskTrace, _ model: inout DiskModel
    ) throws {
        model.apply(record, of: trace)
        if record.kind == disk_mark { try promised.add(trace.text(record), at: index) }
        guard level == "interval" else { return }
        let loss = model.firstLoss("store/journal-") ?? .max
        let end = promised.records.firstIndex { $0 >= loss } ?? promised.records.count
        promised.durable = max(promised.durable, promised.acknowledged[..<end].map(\.revision).max() ?? 0)
    }

    /// The newest revision that must be there.
    private func floor() -> Revision {
        level == "sync" ? promised.acknowledged.map(\.revision).max() ?? 0 : promised.durable
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

