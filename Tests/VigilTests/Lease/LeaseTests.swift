import Changes
import RevisionLog
import TestSupport
import Testing
import Threads

@testable import Vigil

@Suite(.timeLimit(.minutes(2))) struct LeaseTests {
    @Test func aRevokedLeaseTakesItsKeysAsOneRevision() async throws {
        try await withTemporaryDirectory { path in
            let store = try await WatchStore.open(path)
            let lease = try await store.grantLease(seconds: 60, id: 7)
            #expect(lease == Lease(id: 7, seconds: 60, remaining: .seconds(60)))
            try await store.put("a", "1", lease: 7)
            try await store.put("b", "2", lease: 7)
            try await store.put("c", "3")
            #expect(try store.keys(ofLease: 7) == ["a", "b"])
            #expect(try store.get("a")?.lease == 7)
            let watch = try store.watch(.all, from: .revision(4))
            #expect(try await store.revokeLease(7) == 4)
            var deleted: [WatchEvent] = []
            for try await event in watch.events {
                deleted.append(event)
                if deleted.count == 2 { break }
            }
            #expect(deleted.map(\.key) == ["a", "b"])
            #expect(deleted.allSatisfy { $0.type == .delete && $0.revision == 4 })
            #expect(try store.lease(7) == nil && store.leases().isEmpty)
            #expect(try store.get("a") == nil && store.get("c") != nil)
            try await store.close()
        }
    }

    @Test func whatAPutDoesToALease() async throws {
        try await withTemporaryDirectory { path in
            let store = try await WatchStore.open(path)
            _ = try await store.grantLease(seconds: 60, id: 1)
            _ = try await store.grantLease(seconds: 60, id: 2)
            try await store.put("a", "1", lease: 1)
            try await store.put("a", "2", lease: .kept)
            #expect(try store.get("a")?.lease == 1)
            try await store.put("a", "3", lease: 2)
            #expect(try store.keys(ofLease: 1).isEmpty && store.keys(ofLease: 2) == ["a"])
            try await store.put("a", "4")
            #expect(try store.get("a")?.lease == 0 && store.keys(ofLease: 2).isEmpty)
            try await store.revokeLease(2)
            #expect(try store.get("a")?.value == "4")
            try await store.close()
        }
    }

    @Test func whatIsRefused() async throws {
        try await withTemporaryDirectory { path in
            let store = try await WatchStore.open(path)
            func refusal(_ body: () async throws -> Void) async -> StoreError.Code? {
                do {
                    try await body()
                    return nil
                } catch {
                    return (error as? StoreError)?.code
                }
            }
            #expect(await refusal { try await store.put("a", "1", lease: 5) } == .leaseNotFound)
            #expect(await refusal { try await store.put("a", "1", lease: .kept) } == .keyNotFound)
            #expect(await refusal { _ = try await store.grantLease(seconds: 0) } == .invalidArgument)
            #expect(await refusal { _ = try await store.grantLease(seconds: 9_000_000_001) } == .invalidArgument)
            _ = try await store.grantLease(seconds: 60, id: 5)
            #expect(await refusal { _ = try await store.grantLease(seconds: 60, id: 5) } == .leaseExists)
            try await store.revokeLease(5)
            #expect(await refusal { try await store.revokeLease(5) } == .leaseNotFound)
            #expect(await refusal { try await store.put("a", "1", lease: 5) } == .leaseNotFound)
            #expect(try store.keepLeaseAlive(5) == nil)
            #expect(store.head == 0)
            try await store.close()
        }
    }

    @Test func aLeaseEndsWhenItsTimeIsOverAndNotBefore() async throws {
        try await withTemporaryDirectory { path in
            let clock = TestClock()
            let store = try await WatchStore.open(path, options: StoreOptions(), leaseClock: { clock.now })
            _ = try await store.grantLease(seconds: 10, id: 1)
            _ = try await store.grantLease(seconds: 20, id: 2)
            try await store.put("a", "1", lease: 1)
            try await store.put("b", "2", lease: 2)
            clock.advance(.milliseconds(9999))
            try await store.endExpiredLeases()
            #expect(store.head == 2)
            #expect(try store.lease(1)?.remaining == .milliseconds(1))
            #expect(try store.keepLeaseAlive(1)?.remaining == .seconds(10))
            clock.advance(.milliseconds(9999))
            try await store.endExpiredLeases()
            #expect(store.head == 2)
            clock.advance(.milliseconds(2))
            // Its time is over, though nobody has ended it yet.
            #expect(try store.keepLeaseAlive(1) == nil)
            try await store.endExpiredLeases()
            #expect(try store.leases().isEmpty && store.head == 4)
            try await store.close()
        }
    }

    /// By the real clock, without anybody asking.
    @Test func aLeaseEndsByItself() async throws {
        try await withTemporaryDirectory { path in
            let store = try await WatchStore.open(path)
            let watch = try store.watch(.key("a"), from: .revision(1))
            _ = try await store.grantLease(seconds: 1, id: 1)
            let granted = ContinuousClock.now
            try await store.put("a", "1", lease: 1)
            for try await event in watch.events where event.type == .delete {
                #expect(ContinuousClock.now - granted >= .seconds(1))
                break
            }
            try await store.close()
        }
    }

    @Test func afterOpeningEveryLeaseHasItsWholeTimeAgain() async throws {
        try await withTemporaryDirectory { path in
            let clock = TestClock()
            var store = try await WatchStore.open(path, options: StoreOptions(), leaseClock: { clock.now })
            _ = try await store.grantLease(seconds: 10, id: 1)
            try await store.put("a", "1", lease: 1)
            clock.advance(.seconds(8))
            try await store.close()
            let reading = try await WatchStore.open(path, options: StoreOptions(access: .readOnly))
            #expect(try reading.leases() == [Lease(id: 1, seconds: 10, remaining: nil)])
            #expect(try reading.keys(ofLease: 1) == ["a"])
            try await reading.close()
            store = try await WatchStore.open(path, options: StoreOptions(), leaseClock: { clock.now })
            #expect(try store.lease(1)?.remaining == .seconds(10))
            clock.advance(.seconds(9))
            try await store.endExpiredLeases()
            #expect(try store.get("a") != nil)
            clock.advance(.seconds(2))
            try await store.endExpiredLeases()
            #expect(try store.get("a") == nil)
            #expect(try store.check(deep: true).problems == [])
            try await store.close()
        }
    }

    /// Keys so long that the index cannot tell them apart by what LMDB lets a key have.
    @Test func keysThatBeginAlike() async throws {
        try await withTemporaryDirectory { path in
            let store = try await WatchStore.open(path, options: smallOptions())
            _ = try await store.grantLease(seconds: 60, id: -3)
            let keys = ["", "a", "b", "ccccccc", "cccccccc"].map { Bytes(String(repeating: "k", count: 503) + $0) }
            for key in keys { try await store.put(key, "1", lease: -3) }
            try await store.checkpointNow()
            #expect(try store.keys(ofLease: -3) == keys.sorted())
            try await store.delete(keys[1])
            try await store.checkpointNow()
            #expect(try store.keys(ofLease: -3) == [keys[0], keys[2], keys[3], keys[4]])
            #expect(try store.check(deep: true).problems == [])
            try await store.revokeLease(-3)
            try await store.checkpointNow()
            #expect(try store.statistics().keys == 0)
            #expect(try store.check(deep: true).problems == [])
            try await store.close()
        }
    }

    @Test func moreKeysThanATransactionMayChange() async throws {
        try await withTemporaryDirectory { path in
            var options = StoreOptions()
            options.log.transactionChanges = 10
            let store = try await WatchStore.open(path, options: options)
            _ = try await store.grantLease(seconds: 60, id: 1)
            for index in 0..<25 { try await store.put(Bytes("k\(index)"), "1", lease: 1) }
            #expect(try await store.revokeLease(1) == 28)
            #expect(try store.statistics().keys == 0)
            try await store.close()
        }
    }

    @Test func longerKeysThanATransactionMayDelete() async throws {
        try await withTemporaryDirectory { path in
            var options = smallOptions()
            options.log.deletedBytes = 60_000
            let store = try await WatchStore.open(path, options: options)
            _ = try await store.grantLease(seconds: 60, id: 1)
            let long = String(repeating: "k", count: 500)
            for index in 100..<300 { try await store.put(Bytes("\(long)\(index)"), "1", lease: 1) }
            #expect(try await store.revokeLease(1) == 202)
            #expect(try store.statistics().keys == 0)
            try await store.close()
        }
    }
}

@Suite struct PropertyTests {
    @Test func propertiesStay() async throws {
        try await withTemporaryDirectory { path in
            var store = try await WatchStore.open(path)
            try await store.setProperties(["a/1": [1], "a/2": [2, 2], "b": []])
            try await store.setProperties(["a/1": nil, "a/3": [3]])
            try await store.close()
            store = try await WatchStore.open(path)
            #expect(try store.properties("a/").map(\.name) == ["a/2", "a/3"])
            #expect(try store.property("a/2") == [2, 2] && store.property("b") == [] && store.property("a/1") == nil)
            #expect(store.head == 0)
            await #expect(throws: StoreError.self) { try await store.setProperties(["": [1]]) }
            await #expect(throws: StoreError.self) {
                try await store.setProperties(["x": [1], "big": [UInt8](repeating: 0, count: 1 << 20 + 1)])
            }
            #expect(try store.property("x") == nil)
            try await store.close()
        }
    }
}

/// A clock that moves when it is told to.
final class TestClock: Sendable {
    private let moment = Lock(ContinuousClock.now)

    var now: ContinuousClock.Instant { moment.withLock { $0 } }
    func advance(_ duration: Duration) { moment.withLock { $0 += duration } }
}

extension WatchStore {
    /// What the thread that ends leases does when it wakes up.
    func endExpiredLeases() async throws {
        let leases = try requireLeases()
        try await onThread { leases.endExpired() }
    }

    func checkpointNow() async throws {
        let (log, _) = try requireCommitter()
        try await onThread { try log.checkpoint() }
    }
}
