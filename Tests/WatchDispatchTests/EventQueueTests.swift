import Changes
import TestSupport
import Testing

@testable import WatchDispatch

@Suite struct EventQueueTests {
    @Test(arguments: [1, 2, 3, 10])
    func holdsExactlyItsCapacity(_ capacity: Int) {
        let queue = EventQueue(capacity: capacity)
        for round in 0..<3 {
            for index in 0..<capacity {
                #expect(queue.push(update(Revision(index + 1))))
            }
            #expect(!queue.push(update(99)))
            #expect(queue.dropped.count == UInt64(round + 1))
            #expect(queue.dropped.through == 99)
            for index in 0..<capacity { #expect(queue.take()?.revision == Revision(index + 1)) }
            #expect(queue.take()?.revision == nil)
        }
    }

    @Test func tellsHowManyWereDroppedBefore() {
        let queue = EventQueue(capacity: 1)
        #expect(queue.push(update(1)))
        #expect(!queue.push(update(2)))
        #expect(queue.take()?.droppedBefore == 0)
        #expect(queue.push(update(3)))
        #expect(queue.take()?.droppedBefore == 1)
    }

    @Test func releasesWhatItHeld() {
        weak var batch: ChangeBatch?
        do {
            let queue = EventQueue(capacity: 4)
            let pushed = update(1)
            batch = pushed.batch
            #expect(queue.push(pushed))
        }
        #expect(batch == nil)
    }

    /// Batches of several records, pushed in parts and popped one by one, against a list that has room for so many.
    @Test(arguments: 0..<30 as Range<UInt64>)
    func batchesAgainstAModel(_ seed: UInt64) {
        var random = SeededGenerator(seed)
        let capacity = Int.random(in: 1...12, using: &random)
        let queue = EventQueue(capacity: capacity)
        var (model, dropped, next): ([(revision: Revision, droppedBefore: UInt64)], UInt64, Revision) = ([], 0, 1)
        for _ in 0..<500 {
            if Bool.random(using: &random) {
                let count = Int.random(in: 1...9, using: &random)
                let batch = WatchDispatchTests.batch(next, Array(repeating: "k", count: count))
                let first = Int.random(in: 0..<batch.recordCount, using: &random)
                let records = first..<Int.random(in: first + 1...batch.recordCount, using: &random)
                next = batch.lastRevision + 1
                let added = queue.push(batch, records)
                #expect(added == min(records.count, capacity - model.count), "seed \(seed)")
                model += records.prefix(added).map { (batch.firstRevision + Revision($0), dropped) }
                if added < records.count {
                    dropped += UInt64(records.count - added)
                    #expect(queue.dropped.through == batch.firstRevision + Revision(records.upperBound - 1))
                }
                #expect(queue.dropped.count == dropped, "seed \(seed)")
            } else {
                for _ in 0..<Int.random(in: 1...6, using: &random) {
                    let (popped, expected) = (queue.take(), model.isEmpty ? nil : model.removeFirst())
                    #expect(popped?.revision == expected?.revision, "seed \(seed)")
                    #expect(popped?.droppedBefore == expected?.droppedBefore, "seed \(seed)")
                }
            }
            #expect(queue.isEmpty == model.isEmpty, "seed \(seed)")
        }
    }

    /// A batch is kept until the last of its records was dealt with, by whoever has the queue then.
    @Test(arguments: 0...3)
    func keepsABatchUntilItsLastRecord(_ popped: Int) {
        weak var batch: ChangeBatch?
        do {
            let queue = EventQueue(capacity: 4)
            do {
                let pushed = WatchDispatchTests.batch(1, ["a", "b", "c"])
                batch = pushed
                #expect(queue.push(pushed, 0..<3) == 3)
            }
            for index in 0..<popped { #expect(queue.take()?.revision == Revision(index + 1)) }
            #expect((batch == nil) == (popped == 3))
        }
        #expect(batch == nil)
    }

    /// What does not fit is let go of.
    @Test func releasesWhatItDrops() {
        weak var batch: ChangeBatch?
        let queue = EventQueue(capacity: 1)
        _ = queue.push(update(1))
        do {
            let pushed = update(2)
            batch = pushed.batch
            #expect(!queue.push(pushed))
        }
        #expect(batch == nil)
    }

    /// A producer that keeps nothing of what it pushes, and a consumer that lets go of it at once.
    @Test func handsItsReferenceOver() async {
        let queue = EventQueue(capacity: 16)
        let sizes = (0..<200_000).map { $0 % 3 + 1 }
        let total = sizes.reduce(0, +)
        let popped = await withTaskGroup(of: Int.self) { group in
            group.addTask {
                for size in sizes { _ = queue.push(batch(1, Array(repeating: "k", count: size)), 0..<size) }
                return 0
            }
            group.addTask {
                var popped = 0
                while popped + Int(queue.dropped.count) < total {
                    if queue.take() != nil { popped += 1 } else { await Task.yield() }
                }
                return popped
            }
            return await group.reduce(0, +)
        }
        #expect(popped > 0 && popped + Int(queue.dropped.count) == total)
        #expect(queue.isEmpty)
    }

    /// Several producers and a consumer: everything is popped or counted as dropped, and each producer's own in order.
    @Test(arguments: [1, 2, 1000])
    func concurrentProducers(_ capacity: Int) async {
        let queue = EventQueue(capacity: capacity)
        let producers = 4
        let each = 5000
        let popped = await withTaskGroup(of: [Revision].self) { group in
            for producer in 0..<producers {
                group.addTask {
                    for index in 0..<each {
                        _ = queue.push(update(Revision(producer * each + index + 1)))
                    }
                    return []
                }
            }
            group.addTask {
                var popped: [Revision] = []
                while popped.count + Int(queue.dropped.count) < producers * each {
                    if let next = queue.take() { popped.append(next.revision) } else { await Task.yield() }
                }
                return popped
            }
            return await group.reduce([]) { $0 + $1 }
        }
        #expect(popped.count + Int(queue.dropped.count) == producers * each)
        #expect(Set(popped).count == popped.count)
        for producer in 0..<producers {
            let own = popped.filter { ($0 - 1) / Revision(each) == producer }
            #expect(own == own.sorted())
        }
    }
}

extension EventQueue {
    /// Takes and releases the oldest revision.
    fileprivate func take() -> (revision: Revision, droppedBefore: UInt64)? {
        guard let popped = pop() else { return nil }
        defer { popped.release() }
        let first = popped.batch.takeUnretainedValue().firstRevision
        return (first + Int64(popped.record), popped.droppedBefore)
    }

    /// Whether there was room for an update that is a batch by itself.
    fileprivate func push(_ update: WatchUpdate) -> Bool { push(update.batch, 0..<1) == 1 }
}
