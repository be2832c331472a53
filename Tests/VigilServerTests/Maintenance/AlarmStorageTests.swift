import GRPCClient
import NIOCore
import Synchronization
import TestSupport
import Testing
import Threads
import Vigil
import WireMessages

@testable import VigilServer

/// Alarms outlive the server, and nothing else does in their place.
@Suite(.timeLimit(.minutes(1))) struct AlarmStorageTests {
    @Test func theyStayUntilTheyAreDisarmed() async throws {
        try await withTemporaryDirectory { directory in
            let path = directory + "/store"
            func served(_ body: (EtcdClient) async throws -> Void) async throws {
                try await withServing(path) { server, _ in
                    try await body(EtcdClient(.connect(to: .init(ipAddress: "127.0.0.1", port: server.port))))
                }
            }
            try await served { etcd in
                _ = try await etcd.alarm(.activate, .nospace, member: 5)
                _ = try await etcd.alarm(.activate, .corrupt, member: .max)
            }
            let full = refusal(8, "etcdserver: mvcc: database space exceeded")
            try await served { etcd in
                let raised = try await etcd.alarm(.get)
                #expect(raised.map(\.alarm) == [.nospace, .corrupt] && raised.map(\.memberID) == [5, .max])
                await #expect(throws: refusal(15, "etcdserver: corrupt cluster")) { try await etcd.delete("a") }
                let disarmed = try await etcd.alarm(.deactivate, .corrupt, member: .max)
                #expect(disarmed.count == 1)
            }
            try await served { etcd in
                await #expect(throws: full) { try await etcd.put("a", "1") }
                try await etcd.delete("a")
                _ = try await etcd.alarm(.deactivate, .nospace, member: 5)
            }
            try await served { etcd in
                let raised = try await etcd.alarm(.get)
                #expect(raised == [])
                try await etcd.put("a", "1")
            }
        }
    }

    /// One that the server raises itself, and a backup made then.
    @Test func theServersOwnIsSavedToo() async throws {
        try await withTemporaryDirectory { directory in
            let (path, restored) = (directory + "/store", directory + "/restored")
            var options = EtcdServerOptions()
            options.quotaBytes = 1
            try await withServing(path, options: options) { _, store in
                try await until { (try? store.alarms().count) == 1 }
                let backup = try await store.backup(to: directory + "/backups")
                try await WatchStore.restore(from: backup.path, to: restored)
            }
            for path in [path, restored] {
                let store = try await WatchStore.open(path)
                let alarms = try Member(store: store, options: EtcdServerOptions()).alarms
                #expect(alarms.raised.map(\.kind) == [.noSpace] && alarms.forbidGrowth)
                try await store.close()
            }
        }
    }

    /// On a full disk it is in effect at once, and written when there is room.
    @Test func itIsTriedAgain() async throws {
        let storage = FailingStorage(failures: 1)
        let alarms = try Alarms(storage)
        let raised = Alarm(kind: .noSpace, memberID: 1)
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await alarms.keepSaved() }
            alarms.raise(raised)
            #expect(alarms.forbidGrowth)
            while storage.saved.withLock({ $0 }) != [raised] { await Task.yield() }
            group.cancelAll()
        }
        #expect(storage.attempts.load(ordering: .relaxed) == 2)
    }

    /// A client is told, and the alarm stays.
    @Test func disarmingFailsIfItCannotBeWritten() async throws {
        try await withTemporaryDirectory { directory in
            let store = try await WatchStore.open(directory + "/store")
            let member = try Member(store: store, options: EtcdServerOptions())
            let alarm = Alarm(kind: .noSpace, memberID: 5)
            member.alarms.raise(alarm)
            try await member.alarms.save()
            try await store.close()
            var request = EtcdAlarmRequest()
            (request.action, request.alarm, request.memberID) = (.deactivate, .nospace, 5)
            await #expect(throws: StoreError.self) { _ = try await AlarmCall(request, member).response() }
            #expect(member.alarms.raised == [alarm])
        }
    }

    @Test func whatCannotBeReadIsRefused() async throws {
        try await withMember { member in
            let whole = AlarmRecord.value([Alarm(kind: .corrupt, memberID: 7)])
            #expect(try AlarmRecord.alarms(whole) == [Alarm(kind: .corrupt, memberID: 7)])
            for bytes in [[], [2], [1, 1], [1, 3] + [UInt8](repeating: 0, count: 8), whole + [1]] as [[UInt8]] {
                try await member.store.setProperties([AlarmRecord.name: bytes])
                #expect(throws: StoreError.self) { _ = try Member(store: member.store, options: member.options) }
            }
        }
    }
}

/// Keeps alarms, but fails at first.
final class FailingStorage: AlarmStorage {
    let saved = Lock<Set<Alarm>>([])
    let attempts = Atomic(0)
    private let failures: Int

    init(failures: Int = 0) {
        self.failures = failures
    }

    func alarms() throws -> Set<Alarm> { saved.withLock { $0 } }

    func store(_ alarms: Set<Alarm>) async throws {
        guard attempts.add(1, ordering: .relaxed).newValue > failures else { throw StoreError(.full, "no room") }
        saved.withLock { $0 = alarms }
    }
}
