import Changes
import Testing

@testable import WatchDispatch

@Suite struct EventQueueTests {
    @Test(arguments: [1, 2, 3, 10])
    func holdsExactlyItsCapacity(_ capacity: Int) {
        let queue = EventQueue(capacity: capacity)
        for round in 0..<3 {
            for index in 0..<capacity {
                #expect(queue.push(update(Revision(index + 1)).batch, record: 0))
            }
            #expect(!queue.push(update(99).batch, record: 0))
            #expect(queue.dropped.count == UInt64(round + 1))
            #expect(queue.dropped.through == 99)
            for index in 0..<capacity { #expect(queue.take()?.revision == Revision(index + 1)) }
            #expect(queue.take()?.revision == nil)
        }
    }

    @Test func tellsHowManyWereDroppedBefore() {
        let queue = EventQueue(capacity: 1)
        #expect(queue.push(update(1).batch, record: 0))
        #expect(!queue.push(update(2).batch, record: 0))
        #expect(queue.take()?.droppedBefore == 0)
        #expect(queue.push(update(3).batch, record: 0))
        #expect(queue.take()?.droppedBefore == 1)
    }

    @Test func releasesWhatItHeld() {
        weak var batch: ChangeBatch?
        do {
            let queue = EventQueue(capacity: 4)
            let pushed = update(1)
            batch = pushed.batch
            #expect(queue.push(pushed.batch, record: 0))
        }
        #expect(batch == nil)
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
                        _ = queue.push(update(Revision(producer * each + index + 1)).batch, record: 0)
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
        return (popped.batch.takeRetainedValue().firstRevision + Int64(popped.record), popped.droppedBefore)
    }
}
