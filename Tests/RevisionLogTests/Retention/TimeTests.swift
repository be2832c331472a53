import Changes
import TestSupport
import Testing

@testable import RevisionLog

/// Looking for revisions by the time of their commit.
@Suite struct TimeTests {
    /// A log of revisions that carry `times`, partly in LMDB and partly in the journal.
    private func withLog(_ times: [Int64], _ body: (RevisionLog) throws -> Void) throws {
        try inTemporaryDirectory { path in
            var options = smallOptions()
            options.checkpointInterval = .seconds(3600)
            let log = try RevisionLog(path: path, options: options)
            let writer = LogWriterDouble(log: log)
            for (index, time) in times.enumerated() {
                try writer.put(Bytes("key-\(index % 7)"), Bytes("\(index)"), milliseconds: time)
                if index % 40 == 39, index < times.count - 10 { try log.checkpoint() }
            }
            try body(log)
            try log.close()
        }
    }

    @Test func findsTheFirstOfItsTimeOrLater() throws {
        let times = (0..<200).map { Int64(1_000_000 + $0 / 3 * 10) }
        try withLog(times) { log throws in
            for time in Int64(999_990)...1_000_700 {
                let expected = times.firstIndex { $0 >= time } ?? times.count
                #expect(try log.reader.firstRevision(atOrAfter: time) == Revision(expected + 1), "time \(time)")
            }
            #expect(try log.reader.firstRevision(atOrAfter: .min) == 1)
            #expect(try log.reader.firstRevision(atOrAfter: .max) == 201)
        }
    }

    /// Where the clock jumps about, what is found is young enough and the one before it is not.
    @Test(arguments: 1...5 as ClosedRange<UInt64>)
    func isOnTheBorderWhateverTheClockDid(_ seed: UInt64) throws {
        var random = SeededGenerator(seed)
        var now: Int64 = 1_000_000
        let times = (0..<300).map { _ -> Int64 in
            now += random.chance(20) ? Int64(random.below(2000)) - 1000 : Int64(random.below(5))
            return now
        }
        try withLog(times) { log throws in
            for _ in 0..<300 {
                let time = times[random.below(times.count)] + Int64(random.below(3)) - 1
                let found = Int(try log.reader.firstRevision(atOrAfter: time))
                #expect(found == 301 || times[found - 1] >= time, "seed \(seed), time \(time)")
                #expect(found == 1 || times[found - 2] < time, "seed \(seed), time \(time)")
            }
        }
    }

    @Test func anEmptyLogHasTheFirstRevisionBeforeIt() throws {
        try withLog([]) { log throws in #expect(try log.reader.firstRevision(atOrAfter: 0) == 1) }
    }

    @Test func whatMayBeCompactedIsTold() throws {
        try withLog((1...100).map { Int64($0 * 1000) }) { log throws in
            try compact(log, through: 50)
            for time: Int64 in [.min, 0, 49_001, 50_000] {
                let error = #expect(throws: StoreError.self) { try log.reader.firstRevision(atOrAfter: time) }
                #expect(error?.code == .compacted && error?.earliest == 50 && error?.requested == 49)
            }
            #expect(try log.reader.firstRevision(atOrAfter: 50_001) == 51)
            #expect(try log.reader.time(of: 50) == 50_000)
            #expect(throws: StoreError.compacted(requested: 49, earliest: 50)) { try log.reader.time(of: 49) }
            #expect(try log.statistics().earliestMilliseconds == 50_000)
        }
    }

    @Test func aPreviewSaysWhatACompactionDoes() throws {
        try withLog((1...400).map { Int64($0 * 1000) }) { log throws in
            try log.checkpoint()
            for revision: Revision in [1, 2, 40, 41, 42, 200, 399, 400] {
                let before = try log.statistics()
                guard revision > before.earliest else {
                    let nothing = try log.reader.compactionPreview(through: revision)
                    #expect(nothing.revisions == 0 && nothing.times == nil && nothing.blocks == 0)
                    continue
                }
                let preview = try log.reader.compactionPreview(through: revision)
                try compact(log, through: revision)
                let after = try log.statistics()
                #expect(preview.blocks == before.blocks - after.blocks, "through \(revision)")
                #expect(preview.bytes == before.logBytes - after.logBytes, "through \(revision)")
                #expect(preview.revisions == Int(after.earliest - before.earliest))
                #expect(preview.times == before.earliest * 1000...(revision - 1) * 1000)
            }
            #expect(throws: StoreError.future(requested: 401, head: 400)) {
                try log.reader.compactionPreview(through: 401)
            }
        }
    }
}
