import GRPCClient
import SwiftProtobuf
import Threads
public import Vigil
import WireMessages

/// A watch behind a server: as a `Watch` of the store there, and it outlives the connection.
///
/// When the connection is lost it is made again, and the watch goes on after what ``next()`` has delivered: nothing is
/// missed or delivered twice. That is tried for ``StoreClientOptions/timeout``. If the history is compacted meanwhile, the
/// watch fails with `.compacted`, which says the earliest revision. A slow reader costs the server bounded memory: it
/// sends no more than HTTP/2's windows let it.
///
/// One task reads it; others may cancel it and ask for progress.
public final class RemoteWatch: Sendable {
    private let store: StoreClient
    private let keys: KeyRange
    private let start: WatchStart
    private let options: WatchOptions
    private let state: Lock<RemoteWatchState>

    /// Begins the watch at the server.
    init(_ store: StoreClient, _ keys: KeyRange, from start: WatchStart, options: WatchOptions) async throws {
        self.store = store
        self.keys = keys
        self.start = start
        self.options = options
        state = Lock(RemoteWatchState(start: start))
        do {
            try await create(from: start)
        } catch let error as ClientError where error.code == .unreachable {
            // It may have been lost while nobody used it.
            guard await store.wasConnected else { throw error }
            await store.disconnected()
            try await create(from: start)
        }
    }

    deinit {
        state.withLock { $0.call }?.cancelSoon()
    }

    /// The revision to start a new watch from in order to go on after the elements read so far.
    public var resumeRevision: Revision { state.withLock { $0.next } }

    /// The next element; nil when it was cancelled.
    ///
    /// - Throws: As a `Watch`, and a ``ClientError`` if the server is lost for too long.
    public func next() async throws -> WatchElement? {
        while true {
            if let element = state.withLock({ $0.takeElement() }) { return element }
            do {
                guard try await receive() else { return nil }
            } catch {
                if state.withLock({ $0.isCancelled }) || Task.isCancelled { return nil }
                guard let error = store.clientError(error) as? ClientError, error.code == .unreachable else {
                    throw store.clientError(error)
                }
                try await reconnect(after: error)
            }
        }
    }

    /// Ends the watch.
    public func cancel() {
        let (call, waiting) = state.withLock { state in
            state.isCancelled = true
            return (state.call, state.waiting)
        }
        call?.cancelSoon()
        waiting?.cancel()
    }

    /// Asks for a progress as soon as everything that is visible now was delivered.
    public func requestProgress() async throws {
        let call = state.withLock { state in
            state.wantsProgress = true
            return state.call
        }
        var request = WireWatchRequest()
        request.requestProgress = .init()
        try await call?.send(request.serializedBytes())
    }

    /// Tells the cursor that everything that was delivered was handled. What the server has against it, ``next()`` says.
    public func acknowledge() async throws {
        let (call, revision) = state.withLock { state in
            state.acknowledged = state.delivered ?? state.acknowledged
            return (state.call, state.acknowledged)
        }
        guard let revision else { return }
        try await send(acknowledged: revision, on: call)
    }

    private func send(acknowledged revision: Revision, on call: ClientCall?) async throws {
        var request = WireWatchRequest()
        request.acknowledge = revision
        try await call?.send(request.serializedBytes())
    }

    /// Returns when everything that was acknowledged is on the server's disk.
    public func flushAcknowledged() async throws {
        var request = WireWatchRequest()
        request.flush = .init()
        while true {
            let call = state.withLock { state in
                state.flushed = nil
                return state.call
            }
            try await call?.send(request.serializedBytes())
            do {
                while true {
                    if let flushed = state.withLock({ $0.flushed }) { return try flushed.get() }
                    guard try await receive() else { return }
                }
            } catch {
                guard let error = store.clientError(error) as? ClientError, error.code == .unreachable else {
                    throw store.clientError(error)
                }
                try await reconnect(after: error)
            }
        }
    }

    // MARK: The connection

    private func create(from start: WatchStart) async throws {
        var request = WireWatchRequest()
        request.create.keys = WireKeyRange(keys)
        request.create.start = WireStart(start)
        request.create.previousValues = options.previousValues
        if case .cursor = start { request.create.cursorStart = WireStart(options.cursor.first) }
        let call = try await store.call("Watch")
        do {
            try await call.send(request.serializedBytes())
            let created = try await created(call)
            try state.withLock { try $0.created(call, created, store) }
        } catch {
            call.cancelSoon()
            throw store.clientError(error)
        }
    }

    /// The first response, within the time that a call has.
    private func created(_ call: ClientCall) async throws -> WireWatchResponse.Created {
        let timeout = store.options.timeout
        let timer = Task {
            try await Task.sleep(for: timeout)
            call.cancelSoon()
        }
        defer { timer.cancel() }
        guard let bytes = try await call.next() else {
            try await call.answer().requireSuccess(store.options.endpoint)
            throw store.malformed("a watch ended before it began")
        }
        let response: WireWatchResponse = try store.decode(bytes)
        guard response.hasCreated else { throw store.malformed("a watch begins with something else") }
        return response.created
    }

    /// Takes the next response; false if the watch was cancelled.
    private func receive() async throws -> Bool {
        guard let call = state.withLock({ $0.isCancelled ? nil : $0.call }) else { return false }
        guard let bytes = try await call.next() else {
            if state.withLock({ $0.isCancelled }) { return false }
            try await call.answer().requireSuccess(store.options.endpoint)
            throw ClientError(.unreachable, "\(store.options.endpoint): the server ended the watch")
        }
        let response: WireWatchResponse = try store.decode(bytes)
        do {
            try state.withLock { try $0.received(response) }
        } catch {
            call.cancelSoon()
            throw error
        }
        return true
    }

    /// Makes the connection again and goes on after what was delivered.
    private func reconnect(after lost: ClientError) async throws {
        let deadline = ContinuousClock.now + store.options.timeout
        var backoff = Backoff()
        var lost = lost
        guard let start = state.withLock({ $0.resumption(of: self.start) }) else {
            throw ClientError(
                .unreachable, "\(lost); half of the state was read, and cannot be resumed: begin with it again")
        }
        while true {
            await store.disconnected()
            try await wait(backoff.next())
            guard !state.withLock({ $0.isCancelled }) else { return }
            do {
                try await create(from: start)
                try await acknowledgeAgain()
                break
            } catch let error as ClientError where error.code == .unreachable {
                lost = error
            } catch let error as StoreError where error.code == .cursorInUse {
                // The server has yet to notice that the connection is gone.
                lost = ClientError(.unreachable, "\(store.options.endpoint): \(error.message)")
            }
            guard ContinuousClock.now < deadline else { throw lost }
        }
        if state.withLock({ $0.wantsProgress }) { try await requestProgress() }
    }

    /// Tells the cursor what a server that is gone may have been told last, or could not be: as soon as the watch has come
    /// so far again, since before that it is refused. What comes meanwhile was delivered already, but for the end of it.
    private func acknowledgeAgain() async throws {
        let (call, acknowledged, reached) = state.withLock { ($0.call, $0.acknowledged, $0.reached) }
        guard let acknowledged, acknowledged > reached else { return }
        do {
            // Where nothing else says that the watch has come there.
            var request = WireWatchRequest()
            request.requestProgress = .init()
            try await call?.send(request.serializedBytes())
            while state.withLock({ $0.reached }) < acknowledged {
                guard try await receive() else { return }
            }
            try await send(acknowledged: acknowledged, on: call)
        } catch {
            throw store.clientError(error)
        }
    }

    /// Waits, until the watch is cancelled.
    private func wait(_ duration: Duration) async throws {
        let waiting = Task { try? await Task.sleep(for: duration) }
        let isCancelled = state.withLock { state in
            state.waiting = waiting
            return state.isCancelled
        }
        if isCancelled { waiting.cancel() }
        await withTaskCancellationHandler {
            _ = await waiting.value
        } onCancel: {
            waiting.cancel()
        }
        try Task.checkCancellation()
    }
}

extension StoreClient {
    /// As `WatchStore.watch(_:from:options:)`, with the policy `replay`, both types of change, and explicit
    /// acknowledgement.
    ///
    /// - Throws: `.invalidArgument` for other options.
    public func watch(
        _ keys: KeyRange, from start: WatchStart = .now, options: WatchOptions = WatchOptions()
    ) async throws -> RemoteWatch {
        var isExplicit = true
        if case .cursor = start { isExplicit = options.cursor.acknowledgement == .explicit }
        guard options.policy == .replay, options.types == .all, isExplicit else {
            throw StoreError(
                .invalidArgument,
                "a watch of a server replays, delivers puts and deletes, and is acknowledged explicitly; not \(options)"
            )
        }
        return try await RemoteWatch(self, keys, from: start, options: options)
    }
}
