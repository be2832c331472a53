public import Vigil
import WireMessages

extension StoreClient {
    /// The newest revision.
    public var head: Revision {
        get async throws { try await positions().head }
    }

    /// The oldest revision that a read or a watch may start from.
    public var earliest: Revision {
        get async throws { try await positions().earliest }
    }

    private func positions(since milliseconds: Int64? = nil) async throws -> WirePositionsResponse {
        var request = WirePositionsRequest()
        if let milliseconds { request.time = milliseconds }
        return try await unary("Positions", request)
    }

    /// As `WatchStore.firstRevision(atOrAfter:)`.
    public func firstRevision(atOrAfter milliseconds: Int64) async throws -> Revision {
        try await positions(since: milliseconds).firstSince
    }

    /// As `WatchStore.lastRevision(atOrBefore:)`.
    public func lastRevision(atOrBefore milliseconds: Int64) async throws -> Revision {
        guard milliseconds < .max else { return try await head }
        return try await firstRevision(atOrAfter: milliseconds + 1) - 1
    }

    /// As `WatchStore.get(_:at:)`.
    public func get(_ key: Bytes, at revision: Revision? = nil) async throws -> KeyValue? {
        try await range(.key(key), RangeOptions(at: revision, limit: 1)).keyValues.first
    }

    /// A page of what `keys` hold, in ascending order: as `WatchStore.range(_:_:)`, but for the order and the count, and
    /// with a bound of the server's own.
    public func range(_ keys: KeyRange, _ options: RangeOptions = RangeOptions()) async throws -> RangeResult {
        var request = WireRangeRequest()
        request.keys = WireKeyRange(keys)
        if let revision = options.revision { request.revision = revision }
        if let limit = options.limit { request.limit = Int64(limit) }
        request.keysOnly = options.keysOnly
        let response: WireRangeResponse = try await unary("Range", request)
        return RangeResult(
            keyValues: response.keyValues.map { KeyValue($0) }, more: response.more, count: nil,
            revision: response.revision)
    }

    /// A page of the log: as `WatchStore.log(_:from:through:limit:bytes:)`, with a bound of the server's own.
    public func log(
        _ keys: KeyRange = .all, from: Revision, through: Revision? = nil, limit: Int = 1000, bytes: Int = .max
    ) async throws -> (updates: [WatchUpdate], next: Revision?) {
        var request = WireLogRequest()
        request.keys = WireKeyRange(keys)
        request.from = from
        if let through { request.through = through }
        request.limit = Int64(limit)
        let response: WireLogResponse = try await unary("Log", request)
        let next = response.hasNext ? response.next : nil
        guard next ?? .max > from || limit == 0 else { throw malformed("a page of the log leads to itself") }
        return (try response.updates.map { try update([$0]) }, next)
    }

    /// As `WatchStore.history(of:before:limit:)`, from the newest change on.
    public func history(of key: Bytes, limit: Int = 1000) async throws -> [WatchEvent] {
        var request = WireHistoryRequest()
        request.key = .init(key)
        request.limit = Int64(limit)
        var events: [WatchEvent] = []
        try await stream("History", request) { (response: WireHistoryResponse) in
            events += try response.changes.map { try WatchEvent($0.event, at: $0.revision) }
        }
        return events
    }

    /// As `WatchStore.show(_:)`.
    public func show(_ revision: Revision) async throws -> (update: WatchUpdate, block: StoredBlock) {
        var request = WireShowRequest()
        request.revision = revision
        let response: WireShowResponse = try await unary("Show", request)
        do {
            return (try WatchUpdate([response.update]), try StoredBlock(response))
        } catch {
            throw clientError(error)
        }
    }

    /// As `WatchStore.statistics()`.
    public func statistics() async throws -> StoreStatistics {
        StoreStatistics(try await unary("Statistics", WireStatisticsRequest()) as WireStatisticsResponse)
    }

    private func update(_ parts: [WireUpdate]) throws -> WatchUpdate {
        do {
            return try WatchUpdate(parts)
        } catch {
            throw clientError(error)
        }
    }
}
