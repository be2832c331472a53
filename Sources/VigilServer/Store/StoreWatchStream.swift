import GRPCServer
import NIOCore
import SwiftProtobuf
import Vigil
import WireMessages

/// One watch of `vigil.v1.Store`. One task reads what the client acknowledges and asks, the other sends what the watch
/// brings, at the client's pace.
struct StoreWatchStream {
    private let call: Call
    private let member: Member
    private let credentials: Credentials

    private var store: WatchStore { member.store }

    init(_ call: Call, _ member: Member, _ credentials: Credentials) {
        self.call = call
        self.member = member
        self.credentials = credentials
    }

    /// Serves the watch until the client or the server ends it.
    func run() async throws {
        guard let bytes = try await call.next(), case .create(let create)? = try WireWatchRequest(bytes).request else {
            throw MalformedMessage("the first message of a watch must say what to watch")
        }
        try await credentials.check(create, .keys)
        let permit = try WatchPermit(try KeyRange(create.keys), credentials)
        let watch = try watch(create)
        let stall = StallGuard { [watch] }
        member.begin(stall)
        defer {
            member.end(stall)
            watch.cancel()
        }
        try await send { response in
            response.created.resume = watch.resumeRevision
            response.created.head = store.head
            response.created.storeID = try store.statistics().storeID
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await listen(watch) }
            group.addTask {
                try await deliver(watch, permit, stall)
                // A watch ends by itself only with the store.
                try Task.checkCancellation()
                throw Status.stopped
            }
            defer { group.cancelAll() }
            // A client that sends no more is done.
            try await group.next()
        }
    }

    private func watch(_ create: WireWatchRequest.Create) throws -> Watch {
        var options = WatchOptions(previousValues: create.previousValues, bufferSize: Limits.watchBuffer)
        options.cursor.acknowledgement = .explicit
        if create.hasCursorStart { options.cursor.first = try WatchStart(create.cursorStart) }
        return try store.watch(try KeyRange(create.keys), from: try WatchStart(create.start), options: options)
    }

    private func listen(_ watch: Watch) async throws {
        while let bytes = try await call.next() {
            switch try WireWatchRequest(bytes).request {
            case .acknowledge(let revision): try watch.acknowledge(revision)
            case .requestProgress: watch.requestProgress()
            case .flush: try await flush(watch)
            case .create, nil: throw MalformedMessage("a watch is created once, and by the first message")
            }
        }
    }

    private func flush(_ watch: Watch) async throws {
        var failure: StoreError?
        do {
            try await watch.flushAcknowledged()
        } catch let error as StoreError {
            failure = error
        }
        try await send { [failure] response in
            response.flushed = WireWatchResponse.Flushed()
            if let failure { response.flushed.error = WireError(failure) }
        }
    }

    private func deliver(_ watch: Watch, _ permit: WatchPermit, _ stall: StallGuard) async throws {
        var permit = permit
        var iterator = watch.makeAsyncIterator()
        while let first = try await iterator.next() {
            var batch = ElementBatch()
            batch.add(first)
            var failure: (any Error)?
            try await stall.sending {
                repeat {
                    try await call.send {
                        do throws(WatchPermitLost) { try permit.check() } catch { throw error.status }
                        do {
                            while !batch.isFull, let next = try watch.nextAvailable() { batch.add(next) }
                        } catch {
                            // After what came before it.
                            failure = error
                        }
                        return try batch.takeResponse()?.serializedBytes()
                    }
                } while batch.hasMore
            }
            if let failure { throw failure }
        }
    }

    private func send(_ fill: (inout WireWatchResponse) throws -> Void) async throws {
        var response = WireWatchResponse()
        try fill(&response)
        try await call.send(response.serializedBytes())
    }
}
