import Changes

/// What writing an acknowledgement does to the stored cursor. Pure: what is stored may have been changed by another
/// process since the watch began.
enum CursorStep: Equatable {
    case put(CursorEntry)
    /// It is that far already.
    case keep
    /// The watch has to end.
    case refuse(StoreError.Code)

    /// - Parameters:
    ///   - created: the cursor that the watch has made and that may not be stored yet; nil if it found one.
    ///   - generation: of the cursor that the watch began from.
    init(
        stored: CursorEntry?, created: CursorEntry?, generation: UInt64, acknowledged: Revision, milliseconds: Int64
    ) {
        guard var entry = stored ?? created else {
            self = .refuse(.cursorNotFound)
            return
        }
        guard entry.generation == generation else {
            self = .refuse(.cursorMoved)
            return
        }
        if entry.isFailed {
            self = .refuse(.cursorFailed)
        } else if stored != nil, acknowledged <= entry.acknowledged {
            // Never backwards: another process may read from the same cursor and be ahead.
            self = .keep
        } else {
            entry.acknowledged = max(entry.acknowledged, acknowledged)
            entry.movedMilliseconds = milliseconds
            self = .put(entry)
        }
    }
}

/// What the cursors demand when history before some revision is to be dropped. Pure.
struct CursorFloor: Equatable {
    /// The lowest revision that has to stay; nil if no cursor holds any.
    private(set) var revision: Revision?
    /// The cursor that needs it.
    private(set) var holder: String?
    /// Cursors that are beyond their bound, or have lost what they needed, and choose to fail then.
    private(set) var failing: [String] = []
    /// Cursors within their bound that fail if what they hold is dropped all the same.
    private(set) var fragile: [String] = []

    /// Takes one more cursor into account. `earliest` is the oldest revision that is retained, and `lag` says how far the
    /// cursor is behind, which takes some reading.
    mutating func add(
        _ name: String, _ entry: CursorEntry, earliest: Revision, lag: () throws -> CursorLag
    ) rethrows {
        guard let hold = entry.hold, !entry.isFailed else { return }
        let needed = entry.acknowledged + 1
        if try needed >= earliest && hold.covers(lag()) {
            if hold.then == .fail { fragile.append(name) }
            guard needed < revision ?? .max else { return }
            revision = needed
            holder = name
        } else if hold.then == .fail {
            failing.append(name)
        }
    }
}

extension StoreError {
    /// A compaction to `requested` would drop what a cursor needs.
    static func held(requested: Revision, by floor: CursorFloor) -> StoreError {
        let needed = floor.revision ?? requested
        var error = StoreError(
            .held,
            "the cursor \"\(floor.holder ?? "")\" holds the history from revision \(needed) on, so it cannot be compacted "
                + "to \(requested); compact to at most \(needed), wait for its reader, set or remove it, or override it"
        )
        error.requested = requested
        error.earliest = needed
        return error
    }
}
