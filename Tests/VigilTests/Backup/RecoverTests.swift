import Foundation
import TestSupport
import Testing
import Vigil

/// Stores damaged in every way: what is recovered is what was there, what is lost is named, and the two are everything.
///
/// `VIGIL_FLIPS=5000` flips more bytes, `VIGIL_FLIPS=0` each, `VIGIL_SEED=7` others.
@Suite(.timeLimit(.minutes(10))) struct RecoverTests {
    private static let environment = ProcessInfo.processInfo.environment
    private static let flips = environment["VIGIL_FLIPS"].flatMap { Int($0) } ?? 30
    private static let seed = environment["VIGIL_SEED"].flatMap { UInt64($0) } ?? 1

    @Test(arguments: ["data.mdb", "journal-000", "journal-001", "lock"])
    func aFlippedBitLosesAtMostWhatItHit(_ name: String) async throws {
        try await withDamagedStore { store in
            let url = URL(fileURLWithPath: store.path + "/" + name)
            let data = try Data(contentsOf: url)
            let used = (data.lastIndex { $0 != 0 } ?? 0) + 1
            var random = SeededGenerator(Self.seed)
            let count = Self.flips == 0 ? used : name == "data.mdb" ? Self.flips : Self.flips / 4
            for index in 0..<count {
                let byte = Self.flips == 0 ? index : random.below(used)
                var flipped = data
                flipped[byte] ^= 1 << UInt8(random.below(8))
                try flipped.write(to: url)
                let place: Comment = "\(name), byte \(byte), seed \(Self.seed)"
                let report = try #require(try await store.recover(place), place)
                // A block of the log is the most that one bit can cost.
                #expect(report.lost.reduce(0) { $0 + $1.count } <= store.largestBlock, place)
            }
        }
    }

    @Test func pagesAndFilesThatAreGone() async throws {
        try await withDamagedStore { store in
            let names = ["data.mdb", "journal-000", "journal-001", "lock"]
            let files = try names.map { try Data(contentsOf: URL(fileURLWithPath: store.path + "/" + $0)) }
            var random = SeededGenerator(Self.seed)
            var recovered = 0
            for round in 0..<40 {
                var place = "round \(round), seed \(Self.seed):"
                for (name, file) in zip(names, files) {
                    try file.write(to: URL(fileURLWithPath: store.path + "/" + name))
                }
                for _ in 0...random.below(3) {
                    let index = random.chance(3) ? random.below(names.count) : 0
                    let url = URL(fileURLWithPath: store.path + "/" + names[index])
                    var bytes = (try? Data(contentsOf: url)) ?? Data()
                    switch random.below(5) {
                    case 0 where bytes.count > 512:
                        bytes = bytes.prefix(random.below(bytes.count))
                        place += " \(names[index]) cut to \(bytes.count)"
                    case 1 where random.chance(3):
                        try? FileManager.default.removeItem(at: url)
                        place += " no \(names[index])"
                        continue
                    default:
                        let length = random.chance(2) ? 4096 : 512
                        guard bytes.count >= length else { continue }
                        let start = random.below(bytes.count / length) * length
                        for offset in start..<start + length { bytes[offset] = random.chance(2) ? 0 : 0xA5 }
                        place += " \(names[index]) \(length) at \(start)"
                    }
                    try bytes.write(to: url)
                }
                if try await store.recover("\(place)") != nil { recovered += 1 }
            }
            #expect(recovered >= 15, "only \(recovered) of 40 stores, seed \(Self.seed)")
        }
    }

    @Test func anIntactStoreIsRecoveredWhole() async throws {
        try await withDamagedStore { store in
            let report = try #require(try await store.recover("undamaged"))
            #expect(report.isComplete && report.damage.isEmpty, "\(report)")
            #expect(report.kept == store.earliest...store.head)
        }
    }

    /// All keys changed in the block that is lost, and again: the history since is all there, without what they held before.
    @Test func hotKeysKeepTheirHistory() async throws {
        try await withTemporaryDirectory { directory in
            let path = directory + "/store"
            // Each closing makes a block. What the lost one put begins with a mark of its own.
            for mark in ["one", "TWO", "three"] {
                let store = try await WatchStore.open(path, options: smallOptions())
                for index in 0..<100 { try await store.put(Bytes("k\(index % 40)"), Bytes("\(mark) \(index)")) }
                try await store.close()
            }
            for name in try FileManager.default.contentsOfDirectory(atPath: path) where name.hasPrefix("journal-") {
                try FileManager.default.removeItem(atPath: "\(path)/\(name)")
            }
            let url = URL(fileURLWithPath: path + "/data.mdb")
            var data = try Data(contentsOf: url)
            var found = data.range(of: Data("TWO".utf8))
            while let place = found {
                data[place.lowerBound] ^= 1
                found = data.range(of: Data("TWO".utf8), in: place.upperBound..<data.endIndex)
            }
            try data.write(to: url)

            let new = directory + "/new"
            let report = try await WatchStore.recover(path, to: new)
            #expect(report.kept == 201...300 && report.lost == [101...200] && report.apart == [1...100])
            // The first change of the run needs no version before it: the store begins there.
            #expect(report.unreadableKeyCount == 39 && report.readableFrom == 240 && report.keys == 40)
            #expect(report.doubtfulKeyCount == 0 && report.missingKeys == 0 && !report.isComplete)
            try await Self.verify(new)
            // What is lost stays lost in a copy, and in what is recovered from that.
            let store = try await WatchStore.open(new)
            try await store.backup(to: directory + "/backup")
            try await store.close()
            try await WatchStore.restore(from: directory + "/backup", to: directory + "/copy")
            try await Self.verify(directory + "/copy")
            let again = try await WatchStore.recover(directory + "/copy", to: directory + "/again")
            #expect(again.kept == 201...300 && again.lost.isEmpty && again.doubtfulKeyCount == 0)
            try await Self.verify(directory + "/again")
            let compacted = try await WatchStore.open(new)
            for earliest: Revision in [210, 240] {
                try await compacted.compact(through: earliest)
                #expect(try compacted.check(deep: true).problems == [])
            }
            #expect(try compacted.range(.all, RangeOptions(at: 240)).keyValues.count == 40)
            try await compacted.close()
        }
    }

    private static func verify(_ path: String) async throws {
        let store = try await WatchStore.open(path)
        #expect(try store.check(deep: true).problems == [])
        var revisions: [Revision] = []
        var previous = 0
        let options = WatchOptions(previousValues: true)
        for try await event in try store.watch(.all, from: .revision(201), options: options).events {
            revisions.append(event.revision)
            #expect(event.value == Bytes("three \(event.revision - 201)"))
            if event.previous != nil { previous += 1 }
            if event.revision == 300 { break }
        }
        #expect(revisions == Array(201...300) && previous == 60)
        #expect(try store.get("k5", at: 206)?.value == "three 5")
        #expect(try store.history(of: "k5", limit: 10).map(\.revision) == [286, 246, 206])
        await expect(.damaged) { _ = try store.get("k5", at: 205) }
        await expect(.damaged) { _ = try store.range(.all, RangeOptions(at: 239)) }
        #expect(try store.range(.all, RangeOptions(at: 201, keysOnly: true)).keyValues.count == 40)
        #expect(try store.range(.all, RangeOptions(at: 240)).keyValues.count == 40)
        try await store.close()
    }

    @Test func whatIsInTheWayOrNotThere() async throws {
        try await withTemporaryDirectory { directory in
            await expect(.notAStore) { try await WatchStore.recover(directory, to: directory + "/new") }
            await expect(.notAStore) { try await WatchStore.recover(directory + "/none", to: directory + "/new") }
            let store = try await WatchStore.open(directory + "/store")
            try await store.put("k", "v")
            await expect(.locked) { try await WatchStore.recover(directory + "/store", to: directory + "/new") }
            try await store.close()
            await expect(.invalidArgument) {
                try await WatchStore.recover(directory + "/store", to: directory + "/store")
            }
            #expect(try FileManager.default.contentsOfDirectory(atPath: directory) == ["store"])
        }
    }
}
