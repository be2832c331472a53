import Changes
import TestSupport
import Testing

@testable import RevisionLog

/// Random batches, and what a dictionary makes of them.
struct OverlayModel {
    var newest: [Bytes: WatchEvent] = [:]
    var next: Revision = 1
    var random: SeededGenerator
    var keys = Keys.mixed

    enum Keys: CaseIterable {
        /// Many share their first eight bytes, are prefixes of others, or differ in zeros only.
        case mixed
        /// At most eight bytes follow what all have in common, and the last is no zero: the prefix decides.
        case short
        /// The same, but for zeros at the end.
        case shortWithZeros
    }

    mutating func key() -> Bytes {
        if keys != .mixed {
            let bytes: [UInt8] = keys == .short ? [1, 2, 0xFF] : [0, 1, 2]
            return Bytes(Array("services/".utf8) + (0...random.below(8)).map { _ in bytes[random.below(3)] })
        }
        let stem: [UInt8] = [[], Array("services".utf8), [0], [0xFF], Array("services/".utf8)][random.below(5)]
        return Bytes(stem + (0..<random.below(4)).map { _ in [0, 1, 0x7F, 0x80, 0xFF][random.below(5)] } + [7])
    }

    mutating func batch() -> ChangeBatch {
        let records = (0...random.below(random.chance(5) ? 40 : 3)).map { record in
            (0...random.below(3)).map { _ in
                random.event(next + Int64(record)).with(key: key())
            }
        }
        next += Int64(records.count)
        for event in records.joined() { newest[event.key] = event }
        return encode(records, milliseconds: 0)
    }
}

@Suite struct OverlayTests {
    @Test func aRunHasTheNewestOfEachKey() {
        let seed = UInt64.random(in: 0 ... .max)
        for round in 0..<100 {
            var model = OverlayModel(random: SeededGenerator(seed &+ UInt64(round)))
            let run = OverlayRun(model.batch())
            expect(run, model, "seed \(seed), round \(round)")
        }
    }

    @Test(arguments: OverlayModel.Keys.allCases) func mergedRunsAreThatOfAllBatches(_ keys: OverlayModel.Keys) {
        let seed = UInt64.random(in: 0 ... .max)
        for round in 0..<20 {
            var model = OverlayModel(random: SeededGenerator(seed &+ UInt64(round)), keys: keys)
            var merged = OverlayRun(model.batch())
            for _ in 0..<10 {
                merged = OverlayRun(older: merged, newer: OverlayRun(model.batch()))
                expect(merged, model, "seed \(seed), round \(round)")
            }
        }
    }

    /// Few are sorted by comparison, many byte by byte.
    @Test(arguments: [2, 20, 400], OverlayModel.Keys.allCases)
    func aRunOfManyBatchesHasTheNewestOfEachKey(_ count: Int, _ keys: OverlayModel.Keys) {
        let seed = UInt64.random(in: 0 ... .max)
        var model = OverlayModel(random: SeededGenerator(seed), keys: keys)
        let batches = (0..<count).map { _ in model.batch() }
        if count == 400 { #expect(batches.reduce(0) { $0 + $1.entries.count } > Limits.radixEntries) }
        expect(OverlayRun(batches), model, "seed \(seed)")
    }

    private func expect(_ run: OverlayRun, _ model: OverlayModel, _ comment: Comment) {
        let keys = model.newest.keys.sorted()
        #expect(run.entries.indices.map { run.key($0) } == keys, comment)
        for (position, key) in keys.enumerated() {
            #expect(run.version(position).event(key) == model.newest[key], comment)
            #expect(key.withUnsafeBytes { run.find($0) } == position, comment)
            #expect(key.successor.withUnsafeBytes { run.lowerBound($0) } == position + 1, comment)
            let shorter = key[0..<key.count - 1]
            let bound = keys.firstIndex { $0 >= shorter }
            #expect(shorter.withUnsafeBytes { run.lowerBound($0) } == bound, comment)
            #expect(shorter.withUnsafeBytes { run.find($0) } == keys.firstIndex(of: shorter), comment)
        }
    }

    /// A merge copies the list of batches: it must not have all that ever changed the keys.
    @Test(arguments: [1, 3, 100]) func keysThatChangeAgainAndAgainCostWhatTheyAre(_ count: Int) {
        var runs: [OverlayRun] = []
        var newest: [Bytes: Revision] = [:]
        var random = SeededGenerator(UInt64(count))
        var isBounded = true
        for revision in 1...5000 as ClosedRange<Revision> {
            let key = Bytes("k/\(random.below(count))")
            newest[key] = revision
            runs = runs.adding(OverlayRun(encode([[random.event(revision).with(key: key)]], milliseconds: 0)))
            isBounded = isBounded && runs.allSatisfy { $0.batches.count <= Limits.batchesPerKey * $0.entries.count }
        }
        #expect(isBounded)
        let all = runs.merged()!
        #expect(all.entries.count == newest.count)
        for position in all.entries.indices {
            #expect(all.version(position).modRevision == newest[all.key(position)])
        }
    }

    @Test func aListOfRunsStaysShort() {
        let seed = UInt64.random(in: 0 ... .max)
        var model = OverlayModel(random: SeededGenerator(seed))
        var runs: [OverlayRun] = []
        for _ in 0..<500 {
            runs = runs.adding(OverlayRun(model.batch()))
            for (older, newer) in zip(runs, runs.dropFirst()) {
                #expect(older.entries.count >= 2 * newer.entries.count, "seed \(seed)")
            }
        }
        // Sizes at least double from run to run, and there are few keys.
        #expect(runs.count <= 12, "seed \(seed)")
        #expect(runs.reduce(0) { $0 + $1.batches.count } == 500)
        for (key, event) in model.newest {
            let found = key.withUnsafeBytes { key in
                runs.reversed().lazy.compactMap { run in run.find(key).map { run.version($0) } }.first
            }
            #expect(found?.event(key) == event, "\(key), seed \(seed)")
        }
    }

    /// Or every writer would wait for it; whoever wants one run has them all merged.
    @Test func aListOfLargeRunsIsNotMerged() throws {
        var next: Revision = 1
        func batch(of count: Int) -> ChangeBatch {
            var encoder = RecordEncoder(firstRevision: next)
            encoder.beginRecord(changes: count)
            for number in 0..<count {
                encoder.append(
                    type: .put, key: Bytes("key/\(number * 7919 % count)"), value: "v", createRevision: next,
                    version: 1,
                    lease: 0, previousRevision: 0)
            }
            next += 1
            return encoder.finish(milliseconds: 0)
        }
        let large = Limits.mergedEntries / 2
        var runs: [OverlayRun] = []
        for count in [large, large, large + 1, large, 3, 2 * large, large / 2] {
            runs = runs.adding(OverlayRun(batch(of: count)))
        }
        #expect(runs.map(\.entries.count) == [large, large + 1, large, 3, 2 * large, large / 2])
        var pauses = 0
        let merged = try #require(runs.merged { pauses += 1 })
        #expect(pauses == runs.count - 1)
        #expect(merged.entries.count == 2 * large)
        let newest = try #require(Bytes("key/1").withUnsafeBytes { merged.find($0) })
        #expect(merged.version(newest).modRevision == next - 1)
    }
}
