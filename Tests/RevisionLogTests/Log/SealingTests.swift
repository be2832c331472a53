import Changes
import LMDB
import TestSupport
import Testing
import Threads

@testable import RevisionLog

@Suite struct SealingTests {
    /// How five records of a third or more of a block are spread over blocks of one to three, and where the log begins:
    /// all combinations.
    @Test(arguments: [[20, 20, 20, 20, 20], [10, 40, 10, 10, 40], [70, 1, 1, 70, 1]])
    func everySmallLayout(_ kibibytes: [Int]) throws {
        for layout in layouts(of: kibibytes.count) {
            for compacted in 0...kibibytes.count {
                try inTemporaryDirectory { path in
                    let place: Comment = "records \(kibibytes), blocks of \(layout), compacted \(compacted)"
                    let double = try WriterDouble(path)
                    var record = 0
                    for count in layout {
                        for _ in 0..<count {
                            try double.put(Bytes("k\(record % 2)"), value(kibibytes[record], record))
                            record += 1
                        }
                        try double.checkpoint()
                    }
                    if compacted > 0 { try double.compact(through: Revision(compacted)) }
                    // Reads what will be replaced into the cache.
                    let history = try double.history()
                    var expected = merged(try double.layout())
                    try double.seal()
                    #expect(try shape(double.layout()) == expected.map { [$0.firstRevision, $0.lastRevision] }, place)
                    #expect(try double.history().map(\.events) == history.map(\.events), place)
                    #expect(try double.reader.check(deep: true, progress: nil).problems == [], place)

                    // The last block still takes what comes later, and those before it are left alone.
                    let sealed = double.meta.sealed
                    try double.put("k0", value(5, record))
                    try double.checkpoint()
                    expected = merged(try double.layout())
                    try double.seal()
                    #expect(try shape(double.layout()) == expected.map { [$0.firstRevision, $0.lastRevision] }, place)
                    #expect(double.meta.sealed >= sealed, place)
                    #expect(try double.reader.check(deep: true, progress: nil).problems == [], place)
                }
            }
        }
    }

    /// The budget: one record at a time, and a quarter of the raw size in the end; each record written again once.
    @Test func aTrickleOfJSONEndsAsAQuarter() throws {
        try inTemporaryDirectory { path in
            let double = try WriterDouble(path)
            var random = SeededGenerator(11)
            var raw = 0
            var steps = 0
            for number in 0..<1200 {
                let (key, value) = (Bytes("services/checkout/i-\(number % 500)"), jsonValue(number, &random))
                raw += key.count + value.count
                try double.put(key, value)
                try double.checkpoint()
                let before = double.meta
                if double.hasSealingWork {
                    #expect(try double.sealingStep())
                    if double.meta != before { steps += 1 }
                }
            }
            #expect(try double.layout().count < 240)
            try double.seal()
            let meta = double.meta
            #expect(meta.blocks == Int64(steps + 1))
            #expect(Double(meta.logBytes) <= 0.25 * Double(raw), "\(meta.logBytes) of \(raw)")
            #expect(try double.reader.check(deep: true, progress: nil).problems == [])
            // Who asks twice gets nothing written.
            try double.seal()
            #expect(double.meta == meta)
        }
    }

    @Test func tinyRecordsAreSealedByTheirNumber() throws {
        try inTemporaryDirectory { path in
            let double = try WriterDouble(path)
            for number in 0..<Limits.blockRecords + 10 {
                try double.put("k", "\(number % 10)")
                if number % 10 == 9 { try double.checkpoint() }
            }
            try double.checkpoint()
            #expect(double.hasSealingWork)
            try double.seal()
            #expect(!double.hasSealingWork)
            #expect(try double.layout().map(\.recordCount) == [4090, 16])
            #expect(try double.reader.check(deep: true, progress: nil).problems == [])
        }
    }

    /// A large checkpoint has no time for more than fast compression.
    @Test func whatWasWrittenInHasteBecomesDenser() throws {
        try inTemporaryDirectory { path in
            let double = try WriterDouble(path)
            var random = SeededGenerator(12)
            for number in 0..<60_000 { try double.put(Bytes("i-\(number % 500)"), jsonValue(number, &random)) }
            try double.checkpoint()
            let (before, layout) = (double.meta, try shape(double.layout()))
            #expect(before.logRawBytes > Limits.quietBytes)
            try double.seal()
            let after = double.meta
            #expect(Double(after.logBytes) < 0.9 * Double(before.logBytes))
            #expect(Double(after.logBytes) <= 0.25 * Double(after.logRawBytes))
            #expect(try shape(double.layout()) == layout)
            #expect(try double.reader.check(deep: true, progress: nil).problems == [])
        }
    }

    /// A read that began before sees the blocks that were there, whatever others have read since.
    @Test func readsThatBeganBeforeGoOn() throws {
        try inTemporaryDirectory { path in
            let double = try WriterDouble(path)
            for number in 1...30 {
                try double.put("k", Bytes("\(number)"))
                try double.checkpoint()
            }
            let snapshot = double.state.snapshot
            try double.reader.environment.withRead { transaction in
                try double.seal()
                #expect(try double.layout().count == 1)
                #expect(try double.history().count == 30)
                for revision in 1...Revision(30) {
                    let batch = try double.reader.batch(of: revision, snapshot, transaction)
                    #expect(batch?.firstRevision == revision && batch?.recordCount == 1)
                    #expect(try double.reader.get("k", at: revision)?.value == Bytes("\(revision)"))
                }
            }
        }
    }

    @Test func goesOnWhereItWasAfterAnOpening() throws {
        try inTemporaryDirectory { path in
            do {
                let double = try WriterDouble(path)
                for number in 0..<4 {
                    try double.put("k", value(15, number))
                    try double.checkpoint()
                }
                #expect(try double.sealingStep())
                #expect(try double.layout().count == 4)
            }
            let double = try WriterDouble(path)
            #expect(double.hasSealingWork)
            #expect(try double.sealingStep())
            #expect(!double.hasSealingWork)
            try double.put("k", value(15, 4))
            try double.checkpoint()
            #expect(double.hasSealingWork)
            #expect(try double.sealingStep())
            #expect(try shape(double.layout()) == [[1, 4], [5, 5]])
            #expect(double.meta.sealed == 5)
        }
    }

    /// Through the thread, while it checkpoints what others commit.
    @Test func sealsOnRequest() throws {
        try inTemporaryDirectory { path in
            let log = try RevisionLog(path: path, options: smallOptions())
            let writer = LogWriterDouble(log: log)
            for number in 1...40 {
                try writer.put("k", Bytes("\(number)"))
                try log.checkpoint()
            }
            try writer.put("k", "last")
            try seal(log)
            #expect(try log.statistics().blocks == 1)
            #expect(try log.reader.get("k", at: 17)?.value == "17")
            #expect(try log.reader.check(deep: true, progress: nil).problems == [])
            try log.close()
            #expect(throws: StoreError.self) { try seal(log) }
        }
    }
}

/// All ways to cut `count` records into blocks of one to three.
private func layouts(of count: Int) -> [[Int]] {
    if count == 0 { return [[]] }
    return (1...min(3, count)).flatMap { first in layouts(of: count - first).map { [first] + $0 } }
}

/// What sealing must make of `blocks`, worked out apart.
private func merged(_ blocks: [StoredBlock]) -> [StoredBlock] {
    blocks.reduce(into: []) { result, block in
        if let last = result.last, last.rawBytes + block.rawBytes <= 64 << 10 {
            result[result.count - 1].recordCount += block.recordCount
            result[result.count - 1].rawBytes += block.rawBytes
        } else {
            result.append(block)
        }
    }
}

private func shape(_ blocks: [StoredBlock]) throws -> [[Revision]] {
    blocks.map { [$0.firstRevision, $0.lastRevision] }
}

private func value(_ kibibytes: Int, _ number: Int) -> Bytes {
    Bytes("\(number) " + String(repeating: "v", count: kibibytes << 10))
}

private func seal(_ log: RevisionLog) throws {
    let done = Monitor<Result<Void, StoreError>?>(nil)
    log.seal { result in done.notify { $0 = result } }
    try done.wait { $0 }!.get()
}
