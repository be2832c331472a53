public import Changes

/// A watch. Read it with `for try await`; one reader at a time. Dropping it unregisters.
public final class Watch: AsyncSequence, Sendable {
    public typealias Element = WatchElement
    init() {}
    public struct AsyncIterator: AsyncIteratorProtocol {
        public mutating func next() async throws -> WatchElement? { fatalError() }
    }
    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator() }
    /// Ends the watch; what is buffered can still be read.
    public func cancel() { fatalError() }
    /// Asks for a `progress` element as soon as everything that is visible now was delivered.
    public func requestProgress() { fatalError() }
    /// The revision to resume from after the elements read so far.
    public var resumeRevision: Revision { fatalError() }
    /// How often it was parked, and how many updates it read from the log.
    public var statistics: WatchStatistics { fatalError() }
    /// Plain events, one at a time; `progress`, `synced` and `gap` left out, `state` as puts.
    public var events: Events { fatalError() }
    public struct Events: AsyncSequence, Sendable {
        public typealias Element = WatchEvent
        public struct AsyncIterator: AsyncIteratorProtocol {
            public mutating func next() async throws -> WatchEvent? { fatalError() }
        }
        public func makeAsyncIterator() -> AsyncIterator { AsyncIterator() }
    }
}

/// Counters of one watch.
public struct WatchStatistics: Sendable, Hashable {
    /// How often the buffer overflowed and the watch was parked.
    public var parked = 0
    /// Updates delivered from the live buffer, and from the log.
    public var live = 0
    public var replayed = 0
    public init() {}
}
