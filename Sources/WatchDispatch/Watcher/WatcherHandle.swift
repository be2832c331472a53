public import Changes

/// The reading end of a watcher: the updates that its keys get, as the dispatcher routes them.
///
/// ```swift
/// let handle = registry.register(.prefix("jobs/"))
/// for try await element in handle {
///     switch element {
///     case .update(let update): apply(update)
///     case .gap(let from, let through): print("lost", from, through)
///     case .parked(let from): print("reading from", from); handle.rejoin()
///     }
/// }
/// ```
///
/// One reader at a time. The watcher is unregistered when the handle is dropped or cancelled, or the reading task is
/// cancelled; then, and when the registry is shut down, the sequence ends.
public final class WatcherHandle: AsyncSequence, Sendable {
    /// What a reader gets.
    public enum Element: Sendable {
        /// All changes of one revision that the watcher asked for.
        case update(WatchUpdate)
        /// Updates of these revisions may have been lost (policy `drop`).
        case gap(from: Revision, through: Revision)
        /// The buffer was full at this revision, and nothing comes until ``WatcherHandle/rejoin()`` (policy `park`).
        case parked(from: Revision)
    }

    private let watcher: Watcher
    private let registry: WatchRegistry

    init(_ watcher: Watcher, _ registry: WatchRegistry) {
        self.watcher = watcher
        self.registry = registry
    }

    deinit {
        cancel()
    }

    /// Ends the watcher; what waits to be read is given up.
    public func cancel() {
        watcher.cancel()
        registry.submit(.unregister(watcher))
    }

    /// The same without a call of the reader's bell.
    package func cancelQuietly() {
        watcher.cancelQuietly()
        registry.submit(.unregister(watcher))
    }

    /// Asks to be routed to again after `parked`. Updates from some revision on come through the buffer; whoever needs
    /// those before has to have them from elsewhere.
    public func rejoin() {
        registry.submit(.register(watcher))
    }

    /// Asks for a signal when everything through `revision`, which was or will be announced, was offered to this watcher.
    package func requestProgress(through revision: Revision) {
        registry.submit(.progress(watcher, through: revision))
    }

    /// Lets go of what waits, for a reader that can have it from elsewhere and does not come to read it soon. It is told
    /// `parked`, as if its buffer had been full. Only with the policy `park`.
    package func park() { watcher.park() }

    /// Waits for the next signal.
    package func nextSignal() async -> WatcherSignal {
        await watcher.next()
    }

    /// The next signal, if there is one already.
    package func tryNextSignal() -> WatcherSignal? {
        watcher.tryNext()
    }

    /// The next signal, if there is one already, and whether there is no other: then `bell` is called when there is.
    package func tryNextSignal(orElse bell: @escaping WatcherBell) -> (signal: WatcherSignal?, isLast: Bool) {
        watcher.tryNext(orElse: bell)
    }

    public struct AsyncIterator: AsyncIteratorProtocol {
        let handle: WatcherHandle

        /// - Throws: ``WatchOverflowError`` with the policy `cancel`.
        public mutating func next(isolation actor: isolated (any Actor)? = #isolation) async throws -> WatcherHandle
            .Element?
        {
            while true {
                switch await handle.nextSignal() {
                case .update(let update): return .update(update)
                case .gap(let from, let through): return .gap(from: from, through: through)
                case .parked(let from): return .parked(from: from)
                case .overflowed(let from): throw WatchOverflowError(resume: from)
                case .ended: return nil
                case .joined, .progress: continue
                }
            }
        }
    }

    public func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(handle: self)
    }
}

/// A watcher with the policy `cancel` was read too slowly.
public struct WatchOverflowError: Error, Sendable, Hashable {
    /// The first revision that did not fit.
    public var resume: Revision
}
