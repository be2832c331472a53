import GRPCServer
import NIOCore
import NIOPosix
import SwiftProtobuf
import Synchronization
import Threads
import Vigil
import WireMessages

/// The store that is served, and who serves it: a cluster of one member.
final class Member: Sendable {
    let store: WatchStore
    let options: EtcdServerOptions
    let watches: WatchCount
    let clusterID: UInt64
    let memberID: UInt64
    let alarms: Alarms
    let upkeep = Upkeep()
    let counters = MemberCounters()
    /// Of all streams of watches.
    private let stalls = Lock<[ObjectIdentifier: StallGuard]>([:])
    /// As clients may dial it; empty until it listens.
    let clientURL = Lock("")
    private let shutdown = Atomic(false)
    /// The version of etcd whose interface this is; clients decide by it what they may ask for.
    static let apiVersion = "3.5.13"
    /// The version that all members of a cluster understand.
    static let clusterVersion = "3.5.0"
    /// There is one member, which has led from the beginning.
    static let term: UInt64 = 1

    init(store: WatchStore, options: EtcdServerOptions) throws {
        self.store = store
        self.options = options
        watches = WatchCount(limit: options.maximumWatches)
        alarms = try Alarms(store)
        // Clients take 0 for missing.
        let id = try store.statistics().storeID
        clusterID = max(1, id)
        memberID = max(1, id &* 0x9E37_79B9_7F4A_7C15)
    }

    /// What stands at the head of every response: `revision` of the store, or its newest.
    func header(_ revision: Revision? = nil) -> EtcdResponseHeader {
        var header = EtcdResponseHeader()
        header.clusterID = clusterID
        header.memberID = memberID
        header.revision = (revision ?? store.head).headOnWire
        header.raftTerm = Self.term
        return header
    }

    /// Whether clients should go elsewhere.
    var isShuttingDown: Bool { shutdown.load(ordering: .relaxed) }

    func beginShutdown() {
        shutdown.store(true, ordering: .relaxed)
    }

    /// Has the commit of a write that `call` asks for made by the event loop that the caller is on, if any, once it has
    /// taken up all that has come; and the call answered with what `response` makes of what the write does.
    ///
    /// The answer is made while the disk writes, unless somebody watches: the sooner it leaves, the later comes the event,
    /// which has further to go.
    func leading<Result, Response: Message>(
        _ call: Call, _ response: @escaping @Sendable (Result) throws -> Response
    ) -> Leading<Result>? {
        guard let eventLoop = MultiThreadedEventLoopGroup.currentEventLoop else { return nil }
        let schedule: Leading<Result>.Schedule = { eventLoop.execute($0) }
        guard counters.watches.value == 0 else { return Leading(schedule: schedule, prepare: nil) }
        return Leading(schedule: schedule) { result in
            // Who does not get an answer so is answered as any other.
            (try? response(result).serializedBytes()).flatMap { call.prepareAnswer($0) }
        }
    }

    /// Looks after a stream of watches from now on.
    func begin(_ stall: StallGuard) { stalls.withLock { $0[ObjectIdentifier(stall)] = stall } }

    /// The stream is over.
    func end(_ stall: StallGuard) { stalls.withLock { _ = $0.removeValue(forKey: ObjectIdentifier(stall)) } }

    /// Has the watches of clients that do not read hold nothing, until the task is cancelled.
    func watchForStalls() async {
        while !Task.isCancelled {
            try? await Task.sleep(for: Limits.stallInterval)
            parkStalled()
        }
    }

    /// Parks the watches of all streams that have sent nothing since this was last called. Returns the most of one stream.
    @discardableResult
    func parkStalled() -> Int {
        stalls.withLock { Array($0.values) }.map { $0.parkIfStalled() }.max() ?? 0
    }

    /// Carries out a write; one for which the store has no room raises the alarm that says so.
    func writing<R>(_ body: () async throws -> R) async throws -> R {
        do {
            return try await body()
        } catch let error as StoreError {
            noticed(error)
            throw error
        }
    }

    /// A write has failed.
    func noticed(_ error: StoreError) {
        guard error.code == .full, !alarms.forbidGrowth else { return }
        alarms.raise(Alarm(kind: .noSpace, memberID: memberID))
    }
}
