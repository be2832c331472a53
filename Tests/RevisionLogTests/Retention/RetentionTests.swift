import Changes
import LMDB
import TestSupport
import Testing
import Threads

@testable import RevisionLog

/// A store with a retention, and what it is expected to come to by itself.
private struct RetainedLog {
    let log: RevisionLog
    let writer: LogWriterDouble

    init(_ path: String, _ retention: Retention) throws {
        var options = smallOptions()
        options.retention = retention
        // Checkpoints are made when the test wants one, and when much has gathered.
        options.checkpointInterval = .seconds(3600)
        // Nobody pulls the plug here, and thousands of flushes take their time.
        log = try RevisionLog(path: path, options: options, durability: .interval(.milliseconds(20)))
        writer = LogWriterDouble(log: log)
    }

    /// Writes `count` revisions, some to a block, the way they were committed `age` milliseconds ago.
    func write(_ count: Int, age: Int64 = 0) throws {
        for index in 0..<count {
            let value = Bytes("\(log.reader.head)-" + String(repeating: "v", count: index % 90))
            try writer.put(Bytes("key-\(index % 20)"), value, milliseconds: wallClockMilliseconds() - age)
        }
        // The first may be one that had begun before.
        for _ in 0..<2 { try log.checkpoint() }
    }

    /// Waits for the background work that makes `condition` hold.
    func settle(_ condition: (StoreStatistics) -> Bool) throws {
        var last = StoreStatistics()
        for _ in 0..<500 {
            // Between two checkpoints a compaction takes a step.
            try log.checkpoint()
            last = try log.statistics()
            if condition(last) { return }
        }
        Issue.record("does not settle: \(last)")
    }

    func close() throws {
        #expect(try log.reader.check(deep: true, progress: nil).problems == [])
        try log.close()
    }
}

@Suite struct RetentionTests {
    @Test func withoutBoundsEverythingStays() throws {
        try inTemporaryDirectory { path in
            let store = try RetainedLog(path, Retention())
            try store.write(2000, age: 1_000_000)
            try store.log.checkpoint()
            #expect(store.log.reader.snapshot.earliest == 1)
            try store.close()
        }
    }

    @Test func keepsTheLastRevisionsAndNotManyMore() throws {
        try inTemporaryDirectory { path in
            let store = try RetainedLog(path, Retention(revisions: 800))
            try store.write(820)
            // The slack is 50: nothing was worth a compaction yet.
            try store.log.checkpoint()
            #expect(store.log.reader.snapshot.earliest == 1)
            for _ in 0..<20 {
                try store.write(100)
                try store.settle { $0.head - $0.earliest + 1 <= 850 }
                #expect(store.log.reader.head - store.log.reader.snapshot.earliest + 1 >= 800)
            }
            // What is forgotten is gone from the log too.
            let earliest = store.log.reader.snapshot.earliest
            try store.settle { _ in
                (try? store.log.reader.show(earliest - 1)) == nil
                    && (try? store.log.reader.withView { try store.log.reader.meta($1).dropped }) == earliest
            }
            try store.close()
        }
    }

    @Test func oneRevisionCanBeAllThatIsKept() throws {
        try inTemporaryDirectory { path in
            let store = try RetainedLog(path, Retention(revisions: 1))
            try store.write(300)
            try store.settle { $0.earliest == 300 && $0.head == 300 }
            #expect(try store.log.reader.get("key-3", at: nil)?.modRevision == 284)
            try store.close()
        }
    }

    @Test func keepsBytesOfTheLogAndNotManyMore() throws {
        try inTemporaryDirectory { path in
            let bound = 40_000
            let store = try RetainedLog(path, Retention(bytes: bound))
            for _ in 0..<40 {
                try store.write(100)
                try store.settle { $0.logBytes <= bound + bound / 16 }
            }
            let statistics = try store.log.statistics()
            #expect(statistics.earliest > 1000)
            // At least the bound, but for one block, and for what sealing has made of the rest since.
            #expect(statistics.logBytes >= bound / 2)
            try store.close()
        }
    }

    @Test func theNewestBlockStaysHoweverFewBytesAreWanted() throws {
        try inTemporaryDirectory { path in
            let store = try RetainedLog(path, Retention(bytes: 1))
            for _ in 0..<10 { try store.write(10) }
            try store.settle { $0.blocks == 1 }
            let statistics = try store.log.statistics()
            #expect(statistics.earliest == 91 && statistics.head == 100)
            try store.close()
        }
    }

    /// Where every commit makes the next checkpoint urgent, compactions keep up.
    @Test func aLogThatIsWrittenAsFastAsCanBeIsCompactedToo() throws {
        try inTemporaryDirectory { path in
            var options = smallOptions()
            options.checkpointBytes = 1
            options.pendingBytes = 64 << 20
            options.segmentBytes = 4 << 20
            options.retention = Retention(revisions: 100)
            // A flush would hold the writer up, and with it the next checkpoint.
            let log = try RevisionLog(path: path, options: options, durability: .interval(.seconds(3600)))
            let writer = LogWriterDouble(log: log)
            var furthest: Revision = 0
            for index in 0..<30_000 {
                try writer.put(Bytes("key-\(index % 20)"), Bytes("\(index)"))
                let dropped = try log.reader.withView { try log.reader.meta($1).dropped }
                furthest = max(furthest, log.reader.head - dropped)
            }
            #expect(furthest < 15_000)
            try log.close()
        }
    }

    @Test func keepsWhatIsYounger() throws {
        try inTemporaryDirectory { path in
            let store = try RetainedLog(path, Retention(age: .seconds(3600)))
            try store.write(100, age: 9_000_000)
            try store.write(100, age: 3_900_000)
            try store.write(100, age: 1_000_000)
            try store.settle { $0.earliest == 201 }
            try store.close()
        }
    }

    /// What is older than the age by less than the slack is not worth a compaction, unless something else is.
    @Test func aLittleTooOldStays() throws {
        try inTemporaryDirectory { path in
            let store = try RetainedLog(path, Retention(age: .seconds(1600)))
            try store.write(100, age: 1_640_000)
            try store.log.checkpoint()
            try store.log.checkpoint()
            #expect(store.log.reader.snapshot.earliest == 1)
            try store.close()
        }
    }

    /// The newest revision stays, however old it is: it is the one that everything else goes on from.
    @Test func anIdleStoreKeepsItsNewestRevision() throws {
        try inTemporaryDirectory { path in
            let store = try RetainedLog(path, Retention(age: .seconds(1)))
            try store.write(100, age: 60_000)
            try store.settle { $0.earliest == 100 }
            try store.write(10)
            try store.settle { $0.earliest >= 101 }
            try store.close()
        }
    }

    @Test func historyBecomesTooOldWhileNothingIsWritten() async throws {
        try await withTemporaryDirectory { path in
            let store = try RetainedLog(path, Retention(age: .milliseconds(300)))
            try store.write(100)
            let head = store.log.reader.head
            // Nobody asks for anything meanwhile: the store looks by itself.
            let deadline = wallClockMilliseconds() + 60_000
            while store.log.reader.snapshot.earliest < head, wallClockMilliseconds() < deadline {
                await Task.yield()
            }
            #expect(store.log.reader.snapshot.earliest == head)
            try store.close()
        }
    }

    /// Revisions that carry a later time than those after them hold the history back, until their own time is over.
    @Test func aClockThatWasSetBackLosesNothingYoung() throws {
        try inTemporaryDirectory { path in
            let store = try RetainedLog(path, Retention(age: .seconds(3600)))
            try store.write(50, age: 9_000_000)
            try store.write(50, age: -86_400_000)
            try store.write(50, age: 9_000_000)
            try store.write(50, age: 0)
            try store.settle { $0.earliest == 51 }
            try store.close()
        }
    }

    @Test func aBlockGoesOnlyIfAllOfItIsOld() throws {
        try inTemporaryDirectory { path in
            let store = try RetainedLog(path, Retention(age: .seconds(3600)))
            try store.write(10, age: 9_000_000)
            let now = wallClockMilliseconds()
            for age: Int64 in [9_000_000, 9_000_000, 10, 9_000_000] {
                try store.writer.put("mixed", "v", milliseconds: now - age)
            }
            try store.log.checkpoint()
            try store.write(10)
            try store.settle { $0.earliest == 11 }
            try store.close()
        }
    }

    @Test func whatAnyBoundNoLongerWantsGoes() throws {
        try inTemporaryDirectory { path in
            let store = try RetainedLog(path, Retention(revisions: 250, age: .seconds(3600), bytes: 1 << 20))
            try store.write(100, age: 0)
            for _ in 0..<5 { try store.write(100, age: 0) }
            // A checkpoint may have come between any two of them, and less than the slack of 15 is not worth a compaction.
            try store.settle { (336...351).contains($0.earliest) }
            try store.write(1, age: 0)
            try store.close()
        }
        try inTemporaryDirectory { path in
            let store = try RetainedLog(path, Retention(revisions: 250, age: .seconds(3600)))
            try store.write(100, age: 9_000_000)
            try store.write(10)
            try store.settle { $0.earliest == 101 }
            try store.close()
        }
    }

    @Test func aSmallerRetentionIsAppliedWhenTheStoreIsOpened() throws {
        try inTemporaryDirectory { path in
            var store = try RetainedLog(path, Retention())
            try store.write(3000)
            try store.close()
            store = try RetainedLog(path, Retention(revisions: 100))
            try store.settle { $0.earliest == 2901 && $0.blocks < 5 }
            try store.close()
            // Given up, it forgets nothing more.
            store = try RetainedLog(path, Retention())
            try store.write(3000)
            #expect(store.log.reader.snapshot.earliest == 2901)
            try store.close()
        }
    }

    @Test(arguments: [
        Retention(revisions: 0), Retention(revisions: -5), Retention(age: .zero), Retention(age: .seconds(-1)),
        Retention(age: .seconds(Int64.max / 2)), Retention(bytes: 0),
    ])
    func boundsThatAreNoneAreRefused(_ retention: Retention) throws {
        try inTemporaryDirectory { path in
            var options = smallOptions()
            options.retention = retention
            let error = try #require(throws: StoreError.self) { try RevisionLog(path: path, options: options) }
            #expect(error.code == .invalidArgument && error.message.contains("retention."))
        }
    }

    /// Another reason to keep history, as a cursor has, is a floor under all bounds.
    @Test func aFloorHoldsHistoryBack() throws {
        try inTemporaryDirectory { path in
            let store = try RetainedLog(path, Retention())
            try store.write(1000, age: 9_000_000)
            let retention = Retention(revisions: 10, age: .seconds(1), bytes: 1)
            for (floor, expected) in [(nil, 1000), (400, 400), (1, 1), (5000, 1000)] as [(Revision?, Revision)] {
                let reader = store.log.reader
                let kept = try reader.withView { snapshot, transaction in
                    let meta = try reader.meta(transaction)
                    var walk = RetentionWalk(
                        retention, now: wallClockMilliseconds(), meta: meta, head: snapshot.head, floor: floor)
                    while !walk.isDone { try walk.step(reader.databases.log, transaction) }
                    return walk.firstKept
                }
                #expect(kept == expected, "floor \(String(describing: floor))")
            }
            try store.close()
        }
    }

    @Test func aDamagedBlockStopsTheRetentionAndIsTold() throws {
        try inTemporaryDirectory { path in
            var store = try RetainedLog(path, Retention())
            try store.write(500, age: 9_000_000)
            try store.log.close()
            let environment = try StoreDirectory.open(path, options: smallOptions()).environment
            let log = try environment.openDatabase("log", create: false)
            try environment.withWrite { transaction in
                var cursor = try transaction.cursor(log)
                let block = try #require(try cursor.first())
                var bytes = Array(block.value)
                bytes[bytes.count - 1] ^= 1
                let key = Array(block.key)
                try key.withUnsafeBytes { key in try bytes.withUnsafeBytes { try transaction.put(log, key, $0) } }
            }
            environment.close()
            store = try RetainedLog(path, Retention(age: .seconds(1)))
            try store.settle { $0.compactionFailure?.code == .damaged }
            // Nothing went, and writing goes on.
            #expect(try store.log.statistics().earliest == 1)
            try store.write(10)
            try store.log.close()
        }
    }
}
