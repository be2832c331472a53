import Changes
import RevisionLog
import TestSupport
import Testing

@testable import Vigil

/// Random grants, puts, revocations, renewals, hours that pass and restarts, against a model that has it all in
/// dictionaries.
@Suite(.timeLimit(.minutes(10))) struct LeaseModelTests {
    @Test(arguments: ModelTests.seeds)
    func keysLiveAsLongAsTheirLeases(_ seed: UInt64) async throws {
        try await withTemporaryDirectory { path in
            var run = try await LeaseRun(path: path, seed: seed)
            for _ in 0..<300 { try await run.step() }
            try await run.finish()
        }
    }
}

private struct LeaseRun {
    let path: String
    let seed: UInt64
    let clock = TestClock()
    var random: SeededGenerator
    var store: WatchStore
    /// Each key's value and lease.
    var keys: [Bytes: (value: Bytes, lease: Int64)] = [:]
    var leases: [Int64: (seconds: Int64, deadline: ContinuousClock.Instant)] = [:]
    var head: Revision = 0

    init(path: String, seed: UInt64) async throws {
        (self.path, self.seed) = (path, seed)
        random = SeededGenerator(seed)
        store = try await Self.open(path, clock)
    }

    private static func open(_ path: String, _ clock: TestClock) async throws -> WatchStore {
        var options = smallOptions()
        options.log.checkpointInterval = .milliseconds(5)
        return try await WatchStore.open(path, options: options, leaseClock: { clock.now })
    }

    private var place: Comment { "seed \(seed), head \(head)" }

    mutating func step() async throws {
        switch random.below(16) {
        case 0, 1: try await grant()
        case 2...8: try await put()
        case 9: try await delete()
        case 10: try await revoke()
        case 11: try renew()
        case 12: try await pass()
        case 13: try await store.checkpointNow()
        case 14: if random.chance(4), head > store.earliest { try await store.compact(through: head) }
        default: if random.chance(4) { try await reopen() }
        }
        try check()
    }

    private mutating func grant() async throws {
        let id = Int64(1 + random.below(6))
        let seconds = Int64(1 + random.below(100))
        do {
            _ = try await store.grantLease(seconds: seconds, id: id)
            #expect(leases[id] == nil, place)
            leases[id] = (seconds, clock.now + .seconds(seconds))
        } catch let error as StoreError {
            #expect(error.code == .leaseExists && leases[id] != nil, place)
        }
    }

    private mutating func put() async throws {
        let key = key()
        let value = Bytes("\(random.below(1000))")
        let choice: LeaseAttachment =
            switch random.below(4) {
            case 0: .none
            case 1: .kept
            default: .lease(Int64(1 + random.below(6)))
            }
        do {
            let revision = try await store.put(key, value, lease: choice)
            head += 1
            #expect(revision == head, place)
            switch choice {
            case .none: keys[key] = (value, 0)
            case .kept:
                #expect(keys[key] != nil, place)
                keys[key]?.value = value
            case .lease(let id):
                #expect(leases[id] != nil, place)
                keys[key] = (value, id)
            }
        } catch let error as StoreError {
            switch choice {
            case .kept: #expect(error.code == .keyNotFound && keys[key] == nil, place)
            case .lease(let id): #expect(error.code == .leaseNotFound && leases[id] == nil, place)
            case .none: throw error
            }
        }
    }

    /// A few are longer than LMDB takes.
    private mutating func key() -> Bytes {
        let number = random.below(12)
        return number < 4 ? Bytes(String(repeating: "k", count: 502 + number * 4)) : Bytes("k\(number)")
    }

    private mutating func delete() async throws {
        let key = key()
        if try await store.delete(key).revision != nil { head += 1 }
        keys[key] = nil
    }

    private mutating func end(_ id: Int64) {
        leases[id] = nil
        let attached = keys.filter { $0.value.lease == id }.keys
        if !attached.isEmpty { head += 1 }
        for key in attached { keys[key] = nil }
    }

    private mutating func revoke() async throws {
        let id = Int64(1 + random.below(6))
        do {
            let revision = try await store.revokeLease(id)
            #expect(leases[id] != nil, place)
            end(id)
            #expect(revision == head, place)
        } catch let error as StoreError {
            #expect(error.code == .leaseNotFound && leases[id] == nil, place)
        }
    }

    private mutating func renew() throws {
        let id = Int64(1 + random.below(6))
        let lease = try store.keepLeaseAlive(id)
        #expect((lease == nil) == (leases[id] == nil), place)
        if let lease { leases[id] = (lease.seconds, clock.now + .seconds(lease.seconds)) }
    }

    private mutating func pass() async throws {
        clock.advance(.seconds(random.below(60)))
        try await store.endExpiredLeases()
        for (id, lease) in leases.sorted(by: { $0.value.deadline < $1.value.deadline })
        where lease.deadline <= clock.now {
            end(id)
        }
    }

    private mutating func reopen() async throws {
        try await store.close()
        // However long that took.
        clock.advance(.seconds(random.below(1000)))
        store = try await Self.open(path, clock)
        for (id, lease) in leases { leases[id] = (lease.seconds, clock.now + .seconds(lease.seconds)) }
    }

    private func check() throws {
        #expect(store.head == head, place)
        #expect(try store.leases().map(\.id) == leases.keys.sorted(), place)
        for (id, lease) in leases {
            let found = try store.lease(id)
            #expect(
                found?.seconds == lease.seconds && found?.remaining == clock.now.duration(to: lease.deadline), place)
            #expect(try store.keys(ofLease: id) == keys.filter { $0.value.lease == id }.keys.sorted(), place)
        }
        let found = try store.range(.all).keyValues
        #expect(found.map(\.key) == keys.keys.sorted(), place)
        #expect(found.map(\.lease) == keys.keys.sorted().map { keys[$0]!.lease }, place)
        #expect(found.map(\.value) == keys.keys.sorted().map { keys[$0]!.value }, place)
    }

    mutating func finish() async throws {
        try await store.checkpointNow()
        #expect(try store.check(deep: true).problems == [], place)
        let copy = path + ".backup"
        try await store.backup(to: copy)
        try await store.close()
        try await WatchStore.restore(from: copy, to: path + ".restored")
        let restored = try await WatchStore.open(path + ".restored")
        #expect(try restored.leases().map(\.id) == leases.keys.sorted(), place)
        for id in leases.keys {
            #expect(try restored.keys(ofLease: id) == keys.filter { $0.value.lease == id }.keys.sorted(), place)
        }
        #expect(try restored.check(deep: true).problems == [], place)
        try await restored.close()
    }
}
