import GRPCServer
import NIOCore
import SwiftProtobuf
import Threads
import Vigil
import WireMessages

/// One stream of watches. The task of the stream reads what the client asks for; each watch has a task of its own, which
/// reads a ``Watch`` of the store and sends what that has in the log. What comes live a ``LiveSender`` sends for all of
/// them.
///
/// The tasks take turns to send (``Call/send(_:)``), and make a response only when it is theirs and there is room. So a
/// client that stops reading stops all of them, with nothing made; the store parks their watches, and when the client
/// reads again they go on from the log.
final class WatchStream: Sendable {
    private let call: Call
    private let credentials: Credentials
    private let member: Member
    private let table: Lock<WatchTable>
    private let live: LiveSender
    /// Those who wait for the end of a watch's task.
    private let ends = Lock<[Int64: UnsafeContinuation<Void, Never>]>([:])

    init(_ call: Call, _ credentials: Credentials, _ member: Member) {
        self.call = call
        self.credentials = credentials
        self.member = member
        let table = Lock(WatchTable())
        self.table = table
        live = LiveSender(call, member) { watch in table.withLock { $0.sent(watch.id) } }
    }

    /// Serves the stream until the client or the server ends it.
    func run() async throws {
        member.counters.watchStreams.add()
        defer { member.counters.watchStreams.add(-1) }
        try await withThrowingDiscardingTaskGroup { group in
            group.addTask { try await self.askQuietWatches() }
            group.addTask { try await self.live.run() }
            while let bytes = try await call.next() {
                switch try EtcdWatchRequest(bytes).requestUnion {
                case .createRequest(let request):
                    guard let watch = try await create(request) else { continue }
                    group.addTask { try await self.serve(watch) }
                case .cancelRequest(let request): try await cancel(request.watchID)
                case .progressRequest: requestProgress()
                case nil: break
                }
            }
            // A client that sends no more still reads.
        }
    }

    // MARK: Requests

    /// Begins a watch and says so; nil if it was refused, of which the client is told.
    private func create(_ request: EtcdWatchCreateRequest) async throws -> FollowedWatch? {
        let permit: WatchPermit
        do throws(Status) {
            permit = try WatchPermit(request.keys, credentials)
        } catch {
            try await refuse(WatchRefusal(error))
            return nil
        }
        if let refusal = table.withLock({ WatchRefusal(request, table: $0, member: member) }) {
            try await refuse(refusal)
            return nil
        }
        var isServed = false
        defer { if !isServed { member.watches.release() } }
        // Before revision 1 there is nothing; so the store would give a watch from there what it has.
        let isGone = try request.startRevision == 1 && member.store.statistics().compacted > 0
        let watch =
            isGone
            ? nil
            : try await withStatus {
                try member.store.watch(request.keys, from: request.start, options: request.options)
            }
        let id = table.withLock { $0.add(watch, id: request.watchID, tellsProgress: request.progressNotify) }
        try await send { response in
            response.created = true
            response.watchID = id
        }
        if let watch {
            isServed = true
            return FollowedWatch(id, watch, request, permit)
        }
        try await sendGone(id, earliest: member.store.earliest)
        return nil
    }

    private func refuse(_ refusal: WatchRefusal) async throws {
        try await send { response in
            response.created = true
            response.canceled = true
            response.watchID = -1
            response.cancelReason = refusal.reason
        }
    }

    /// Ends a watch. Returns when its last response was handed over, so that its number can be used again.
    private func cancel(_ id: Int64) async throws {
        switch table.withLock({ $0.cancel(id) }) {
        case .unknown: break
        case .ended: try await sendCancelled(id)
        case .running(let watch):
            watch.cancel()
            await withUnsafeContinuation { continuation in
                let isRunning = table.withLock { table in
                    guard table.contains(id) else { return false }
                    ends.withLock { $0[id] = continuation }
                    return true
                }
                if !isRunning { continuation.resume() }
            }
        }
    }

    private func requestProgress() {
        let head = member.store.head
        for watch in table.withLock({ $0.requestProgress(head: head) }) { watch.requestProgress() }
    }

    // MARK: Watches

    private func serve(_ watch: FollowedWatch) async throws {
        member.counters.watches.add()
        defer {
            // The store would go on to hold what is to be told of its events.
            watch.watch.cancel()
            member.counters.watches.add(-1)
            member.watches.release()
        }
        let keepsNumber: Bool
        do {
            keepsNumber = try await deliverToEnd(watch)
        } catch {
            _ = ended(watch.id, keepsNumber: false)
            throw error
        }
        if let revision = ended(watch.id, keepsNumber: keepsNumber) { try await sendProgressOfAll(revision) }
    }

    /// Sends what the watch brings, and why it ended. Returns whether its number stays taken, as it does until the client
    /// has cancelled a watch whose history is gone.
    private func deliverToEnd(_ watch: FollowedWatch) async throws -> Bool {
        let id = watch.id
        do {
            try await deliver(watch)
        } catch let lost as WatchPermitLost {
            try await sendCancelled(id, reason: WatchRefusal(lost.status).reason)
            return false
        } catch let error as StoreError where error.code == .compacted {
            try await sendGone(id, earliest: error.earliest ?? 0)
            return true
        } catch let error as StoreError {
            throw Status(error)
        }
        guard table.withLock({ $0.isCancelled(id) }) else {
            try Task.checkCancellation()
            throw Status.stopped
        }
        try await sendCancelled(id)
        return false
    }

    /// Sends what the watch brings, until it ends.
    private func deliver(_ watch: FollowedWatch) async throws {
        while true {
            switch await live.follow(watch) {
            case .progress(let revision): try await progressed(watch, through: revision)
            case .large(let update):
                try await withTaskExecutorPreference(globalConcurrentExecutor) { try await send(update, to: watch) }
            case .elsewhere:
                // Not on the event loop, for whose other connections that would be too long: it reads the disk, and as long as
                // the client takes what it is sent the loop would do nothing else.
                let goesOn = try await withTaskExecutorPreference(globalConcurrentExecutor) { try await catchUp(watch) }
                guard goesOn else { return }
            case .failed(let error): throw error
            }
        }
    }

    /// Sends what the watch has in the log, until there is nothing left there. False if the watch has ended.
    private func catchUp(_ watch: FollowedWatch) async throws -> Bool {
        var iterator = watch.watch.makeAsyncIterator()
        var batch = EventBatch(member: member)
        while let first = try await iterator.next() {
            watch.begin(&batch)
            var other = batch.add(first)
            if other == nil {
                var failure: (any Error)?
                var isFilled = false
                // In parts, so that nothing comes between the fragments of a response.
                try await call.sendInParts { messages in
                    if !isFilled {
                        try watch.checkPermit()
                        do {
                            while other == nil, !batch.isFull, let next = try watch.watch.nextAvailable() {
                                other = batch.add(next)
                            }
                        } catch {
                            // After what came before it.
                            failure = error
                        }
                        isFilled = true
                    }
                    batch.takeResponse(into: &messages)
                    return batch.hasMore
                }
                table.withLock { $0.sent(watch.id) }
                if let failure { throw failure }
            }
            switch other {
            case .progress(let revision): try await progressed(watch, through: revision)
            case .large(let update): try await send(update, to: watch)
            case nil: break
            }
            if watch.watch.isNearHead { return true }
        }
        return false
    }

    private func send(_ update: LargeUpdate, to watch: FollowedWatch) async throws {
        try await update.send(to: watch, on: call, member)
        table.withLock { $0.sent(watch.id) }
    }

    private func progressed(_ watch: FollowedWatch, through revision: Revision) async throws {
        let progress = table.withLock { $0.progressed(watch.id, through: revision) }
        if progress.asksAgain { watch.watch.requestProgress() }
        if let revision = progress.ofWatch { try await sendProgress(watch.id, revision) }
        if let revision = progress.ofAll { try await sendProgressOfAll(revision) }
    }

    /// Returns the revision of a progress that only this watch held up.
    private func ended(_ id: Int64, keepsNumber: Bool) -> Revision? {
        let revision = table.withLock { $0.remove(id, keepsNumber: keepsNumber) }
        ends.withLock { $0.removeValue(forKey: id) }?.resume()
        return revision
    }

    /// Now and then asks those watches how far they are whose clients want to know, if they have sent nothing.
    private func askQuietWatches() async throws {
        while true {
            try await Task.sleep(for: member.options.progressInterval)
            for watch in table.withLock({ $0.quietWatches() }) { watch.requestProgress() }
        }
    }

    // MARK: Responses

    private func sendCancelled(_ id: Int64, reason: String = "") async throws {
        try await send { response in
            response.watchID = id
            response.canceled = true
            response.cancelReason = reason
        }
    }

    /// The history that the watch had to read is gone.
    private func sendGone(_ id: Int64, earliest: Revision) async throws {
        try await send { response in
            response.header.revision = 0
            response.watchID = id
            response.canceled = true
            response.compactRevision = earliest.onWire
        }
    }

    private func sendProgress(_ id: Int64, _ revision: Revision) async throws {
        try await send { [member] response in
            response.watchID = id
            response.header = member.header(revision)
        }
    }

    private func sendProgressOfAll(_ revision: Revision) async throws {
        try await sendProgress(-1, revision)
        if table.withLock({ $0.takeAwaitedAgain() }) { requestProgress() }
    }

    private func send(_ fill: (inout EtcdWatchResponse) -> Void) async throws {
        try await call.send {
            var response = EtcdWatchResponse()
            response.header = member.header()
            fill(&response)
            return try response.serializedBytes()
        }
    }
}
