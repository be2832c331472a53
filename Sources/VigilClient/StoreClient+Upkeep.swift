public import Vigil
import WireMessages

extension StoreClient {
    // MARK: Cursors

    /// As `WatchStore.cursors()`.
    public func cursors() async throws -> [WatchCursor] {
        let response: WireCursorsResponse = try await unary("Cursors", WireCursorsRequest())
        return response.cursors.map { WatchCursor($0) }
    }

    /// As `WatchStore.cursor(_:)`.
    public func cursor(_ name: String) async throws -> WatchCursor? {
        var request = WireCursorsRequest()
        request.name = name
        let response: WireCursorsResponse = try await unary("Cursors", request)
        return response.cursors.first.map { WatchCursor($0) }
    }

    /// As `WatchStore.setCursor(_:to:)`.
    public func setCursor(_ name: String, to position: CursorPosition) async throws {
        let _: WireSetCursorResponse = try await unary("SetCursor", WireSetCursorRequest(name, to: position))
    }

    /// As `WatchStore.setCursor(_:hold:)`.
    public func setCursor(_ name: String, hold: CursorHold?) async throws {
        let _: WireSetCursorResponse = try await unary("SetCursor", WireSetCursorRequest(name, hold: hold))
    }

    /// As `WatchStore.removeCursor(_:)`.
    @discardableResult
    public func removeCursor(_ name: String) async throws -> Bool {
        var request = WireRemoveCursorRequest()
        request.name = name
        // Done twice it would say that there was none.
        let response: WireRemoveCursorResponse = try await unary("RemoveCursor", request, isRepeatable: false)
        return response.isRemoved
    }

    // MARK: History

    /// As `WatchStore.compact(through:overridesCursors:)`.
    public func compact(through revision: Revision, overridesCursors: Bool = false) async throws {
        var request = WireCompactRequest()
        request.first = revision
        request.overridesCursors = overridesCursors
        _ = try await compact(request)
    }

    /// As `WatchStore.compact(keeping:overridesCursors:)`.
    @discardableResult
    public func compact(keeping retention: Retention, overridesCursors: Bool = false) async throws -> Revision {
        var request = WireCompactRequest()
        request.retention = .init(retention)
        request.overridesCursors = overridesCursors
        return try await compact(request).earliest
    }

    /// As `WatchStore.compactionPreview(through:)`.
    public func compactionPreview(through revision: Revision) async throws -> CompactionPreview {
        var request = WireCompactRequest()
        request.first = revision
        request.isPreview = true
        return CompactionPreview(try await compact(request))
    }

    /// As `WatchStore.compactionPreview(keeping:)`.
    public func compactionPreview(keeping retention: Retention) async throws -> CompactionPreview {
        var request = WireCompactRequest()
        request.retention = .init(retention)
        request.isPreview = true
        return CompactionPreview(try await compact(request))
    }

    /// It may take long, so there is no time limit but that the connection holds.
    private func compact(_ request: WireCompactRequest) async throws -> WireCompactResponse {
        var result: WireCompactResponse?
        try await stream("Compact", request) { result = $0 }
        guard let result else { throw malformed("a compaction has no result") }
        return result
    }

    // MARK: The store as a whole

    /// As `WatchStore.seal(progress:)`.
    public func seal(progress: (@Sendable (Int64, Int64) -> Void)? = nil) async throws {
        try await stream("Seal", WireSealRequest()) { (response: WireSealResponse) in
            progress?(response.progress.done, response.progress.total)
        }
    }

    /// As `WatchStore.shrink()`.
    @discardableResult
    public func shrink() async throws -> (before: Int, after: Int) {
        var result: (before: Int, after: Int)?
        try await stream("Shrink", WireShrinkRequest()) { (response: WireShrinkResponse) in
            result = (Int(response.bytesBefore), Int(response.bytesAfter))
        }
        guard let result else { throw malformed("shrinking has no result") }
        return result
    }

    /// As `WatchStore.check(deep:progress:)`, by the server.
    public func check(
        deep: Bool = false, progress: (@Sendable (Int64, Int64) -> Void)? = nil
    ) async throws -> CheckReport {
        var request = WireCheckRequest()
        request.deep = deep
        var report: CheckReport?
        try await stream("Check", request) { (response: WireCheckResponse) in
            switch response.response {
            case .progress(let position): progress?(position.done, position.total)
            case .report(let wire): report = CheckReport(wire, deep: deep)
            case nil: break
            }
        }
        guard let report else { throw malformed("a check has no report") }
        return report
    }
}
