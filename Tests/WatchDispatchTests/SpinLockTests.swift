import TestSupport
import Testing
import Threads

@Suite struct SpinLockTests {
    private struct Pair: ~Copyable, Sendable {
        var first = 0
        var second = 0
    }

    /// More threads than there are cores, so that who has the lock loses its core now and then.
    @Test(.timeLimit(.minutes(1))) func oneAtATime() {
        let lock = SpinLock(Pair())
        let (threads, each) = (8, 20_000)
        let running = (0..<threads).map { _ in
            OSThread {
                for _ in 0..<each {
                    lock.withLock { pair in
                        pair.first += 1
                        precondition(pair.first == pair.second + 1, "two at a time")
                        pair.second += 1
                    }
                }
            }
        }
        for thread in running { thread.join() }
        let sums = lock.withLock { [$0.first, $0.second] }
        #expect(sums == [threads * each, threads * each])
    }

    private struct Refusal: Error {}

    @Test func isFreeAfterAnError() {
        let lock = SpinLock(Pair())
        #expect(throws: Refusal.self) { try lock.withLock { (_) throws(Refusal) in throw Refusal() } }
        let first = lock.withLock { $0.first }
        #expect(first == 0)
    }

    private final class Thing: Sendable {}

    @Test func letsGoOfItsValue() {
        weak var kept: Thing?
        do {
            let thing = Thing()
            kept = thing
            let lock = SpinLock<Thing?>(thing)
            lock.withLock { #expect($0 === kept) }
        }
        #expect(kept == nil)
    }
}
