public import Changes
import RevisionLog
import Synchronization

/// The changes of some keys, from some revision on, for as long as it is read.
///
/// ```swift
/// let watch = try store.watch(.prefix("services/"), from: .revision(41))
/// for try await element in watch {
///     if case .update(let update) = element { apply(update) }
///     save(watch.resumeRevision)
/// }
/// ```
///
/// Updates come in the order of their revisions, each once and whole. The log is read at the reader's pace when it falls
/// behind; ``WatchOptions/policy`` can choose otherwise. There may be one reader at a time. The watch ends, with nil,
/// when it or the reading task is cancelled or the store is closed, and it ends for the store when it is dropped.
///
/// Iterating throws a ``StoreError``: `.compacted` if the history to be read is gone, `.watcherTooSlow` with the policy
/// `cancel`, `.damaged` or `.io` if the log cannot be read, `.notAStore` if a store that is followed was removed.
/// From a cursor also `.cursorMoved`, `.cursorFailed` or `.cursorNotFound`, if it was set, failed or was removed.
public final class Watch: AsyncSequence, Sendable {
    public typealias Element = WatchElement

    private let storage: WatchStorage

    init(_ storage: WatchStorage) {
        self.storage = storage
    }

    deinit {
        storage.cancel()
    }

    public struct AsyncIterator: AsyncIteratorProtocol {
        // Keeps the watch registered while it is read.
        @usableFromInline let watch: Watch

        // Inlined, so that what was replayed already costs its reader no call that may suspend.
        @inlinable
        public mutating func next(isolation actor: isolated (any Actor)? = #isolation) async throws -> WatchElement? {
            if let element = watch.takeReplayed() { return element }
            return try await watch.nextElement()
        }
    }

    @usableFromInline
    func takeReplayed() -> WatchElement? { storage.takeReplayed() }

    @usableFromInline
    func nextElement() async throws -> WatchElement? { try await storage.next() }

    public func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(watch: self)
    }

    /// The next element if it can be had without waiting; nil if not, or at the end, which only reading on tells. For the
    /// task that reads the watch, to take what has gathered at once.
    public func nextAvailable() throws -> WatchElement? {
        try storage.nextAvailable()
    }

    /// Hands what came live to `take`, until that returns false, for a reader of many watches that has no task for each.
    /// When there is no more, `bell` is called, without any lock and on any thread, as soon as it is worth asking again; it
    /// must not wait. `take` must not use the watch.
    ///
    /// - Throws: as iterating does, after what came before was handed over.
    package func readLive(
        orElse bell: @escaping @Sendable () -> Void, _ take: (WatchElement) -> Bool
    ) throws -> LiveReading {
        try storage.readLive(orElse: bell, take)
    }

    /// Leaves the dispatcher, for a reader that has the changes of these keys from elsewhere: from another watch of the same
    /// keys and types. From the revision returned on it has to find them there, until it calls ``wake(at:)``; nil if the watch
    /// does not rest, since it has something to do. `bell` is called, once, when it has something of its own: it was
    /// cancelled, or progress was asked for.
    package func rest(orElse bell: @escaping @Sendable () -> Void) -> Revision? { storage.rest(orElse: bell) }

    /// Ends a rest: everything before `next` was had from elsewhere.
    package func wake(at next: Revision) { storage.wake(at: next) }

    /// Whether nothing has to be read from the log, so that ``readLive(orElse:_:)`` has what there is.
    package var isNearHead: Bool { storage.isNearHead }

    /// Lets go of what waits to be read, for a reader that does not come to it soon: it will be read from the log.
    package func park() { storage.park() }

    /// Ends the watch.
    public func cancel() {
        storage.cancel()
    }

    /// Asks for a ``WatchElement/progress(_:)`` as soon as everything that is visible now was delivered. A watch that is
    /// catching up sends one anyway when it has; one that begins in the future does not answer before its start.
    public func requestProgress() {
        storage.requestProgress()
    }

    /// The revision to start a new watch from in order to go on after the elements read so far.
    public var resumeRevision: Revision { storage.resumeRevision }

    /// Tells the cursor that the watch started from that everything through `revision` was handled, or through what was
    /// delivered: a watch from it will not see that again. In memory at once; written with the next checkpoint, or after
    /// ``LogOptions/cursorInterval``, and when the store is closed. Older revisions than before change nothing.
    ///
    /// Only needed with ``CursorOptions/Acknowledgement/explicit``. Before the state of a first ``WatchStart/snapshot``
    /// is complete there is nothing to acknowledge, and without `revision` nothing happens.
    ///
    /// - Throws: `.invalidArgument` if the watch has no cursor, or if `revision` was not delivered yet; why the cursor
    ///   can't be acknowledged any more, as ``WatchStore/watch(_:from:options:)`` lists it.
    public func acknowledge(_ revision: Revision? = nil) throws {
        let cursor = try storage.requireCursor()
        if let failure = cursor.failure { throw failure }
        let delivered = storage.delivered
        if let revision, revision > delivered ?? 0 {
            throw StoreError(
                .invalidArgument,
                "revision \(revision) cannot be acknowledged: the watch has delivered everything through "
                    + "\(delivered ?? 0) only")
        }
        if let delivered { cursor.acknowledge(revision ?? delivered) }
    }

    /// Returns when everything that was acknowledged is on disk: a crash after it does not bring that back. Costs an LMDB
    /// commit.
    ///
    /// - Throws: as ``acknowledge(_:)``; what the write threw, after which it is tried again by itself.
    public func flushAcknowledged() async throws {
        try await storage.requireCursor().flush()
    }

    /// What the watch has delivered so far, and how.
    public var statistics: WatchStatistics { storage.statistics }

    /// Plain events, one at a time: `state` as puts; without `progress`, `synced` and `gap`.
    public var events: WatchEvents { WatchEvents(watch: self) }
}

/// The events of a watch, one by one.
public struct WatchEvents: AsyncSequence, Sendable {
    public typealias Element = WatchEvent

    let watch: Watch

    public struct AsyncIterator: AsyncIteratorProtocol {
        @usableFromInline var elements: Watch.AsyncIterator
        /// What is left of the update or the page of state that was read last.
        @usableFromInline var update: WatchUpdate.Iterator?
        @usableFromInline var state: ArraySlice<KeyValue> = []

        init(elements: Watch.AsyncIterator) {
            self.elements = elements
        }

        @inlinable
        public mutating func next(isolation actor: isolated (any Actor)? = #isolation) async throws -> WatchEvent? {
            while true {
                if let event = update?.next() { return event }
                if let keyValue = state.popFirst() { return WatchEvent(present: keyValue) }
                guard let element = try await elements.next(isolation: actor) else { return nil }
                switch element {
                case .update(let read): update = read.makeIterator()
                case .state(let read): state = read[...]
                case .synced, .progress, .gap: break
                }
            }
        }
    }

    public func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(elements: watch.makeAsyncIterator())
    }
}

extension WatchEvent {
    /// What a key holds, as the put that made it.
    @usableFromInline
    init(present keyValue: KeyValue) {
        self.init(
            type: .put, key: keyValue.key, value: keyValue.value, revision: keyValue.modRevision,
            createRevision: keyValue.createRevision, version: keyValue.version, lease: keyValue.lease)
    }
}

/// Why a reader who does not wait gets no more.
package enum LiveReading {
    /// It wanted no more; there may be.
    case stopped
    /// There is no more. The bell will be called.
    case nothing
    /// The log has to be read, or the watch ends: only iterating goes on.
    case elsewhere
}

/// Counters of one watch.
public struct WatchStatistics: Sendable, Hashable {
    /// How often its buffer overflowed and it was parked.
    public var parked = 0
    /// Updates delivered from the live buffer.
    public var live = 0
    /// Updates delivered from the log.
    public var replayed = 0
}
