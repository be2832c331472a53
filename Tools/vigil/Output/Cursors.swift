import Vigil

extension Text {
    /// One cursor on one line.
    static func cursor(_ cursor: WatchCursor) -> String {
        var line = "\(revision(cursor.acknowledged))  \(inline(Bytes(cursor.name)))  \(lag(cursor.lag))"
        if let state = state(cursor) { line += "  \(state)" }
        return line
    }

    /// One cursor in full.
    static func rows(_ cursor: WatchCursor) -> [(String, String)] {
        var rows = [
            ("cursor", inline(Bytes(cursor.name))),
            ("acknowledged", "revision \(cursor.acknowledged)"),
            ("moved", cursor.movedMilliseconds == 0 ? "never" : time(cursor.movedMilliseconds)),
            ("lag", lag(cursor.lag)),
            ("holds", cursor.hold.map { hold($0) } ?? "nothing"),
        ]
        if let state = state(cursor) { rows.append(("state", state)) }
        return rows
    }

    private static func lag(_ lag: CursorLag) -> String {
        if lag.revisions == 0 { return "up to date" }
        return "\(lag.revisions) revisions, \(decimal(lag.seconds)) s, \(size(lag.bytes)) behind"
    }

    private static func hold(_ hold: CursorHold) -> String {
        var bounds: [String] = []
        if let revisions = hold.revisions { bounds.append("\(revisions) revisions") }
        if let seconds = hold.seconds { bounds.append("\(decimal(seconds)) s") }
        if let bytes = hold.bytes { bounds.append(size(bytes)) }
        return "up to \(bounds.joined(separator: ", ")), then \(hold.then)"
    }

    private static func state(_ cursor: WatchCursor) -> String? {
        if cursor.isFailed { return "failed" }
        return cursor.isCompacted ? "compacted" : nil
    }
}

extension JSONObject {
    /// One cursor.
    init(_ cursor: WatchCursor) {
        add("cursor", cursor.name)
        add("acknowledged", cursor.acknowledged)
        add("moved_ms", cursor.movedMilliseconds)
        add("lag_revisions", cursor.lag.revisions)
        add("lag_seconds", cursor.lag.seconds)
        add("lag_bytes", cursor.lag.bytes)
        if let hold = cursor.hold {
            var json = JSONObject()
            if let revisions = hold.revisions { json.add("revisions", revisions) }
            if let seconds = hold.seconds { json.add("seconds", seconds) }
            if let bytes = hold.bytes { json.add("bytes", bytes) }
            json.add("then", hold.then.rawValue)
            add("hold", json)
        }
        add("failed", cursor.isFailed)
        add("compacted", cursor.isCompacted)
    }
}

extension CursorLag {
    fileprivate var seconds: Double { age.inSeconds }
}

extension CursorHold {
    fileprivate var seconds: Double? { age?.inSeconds }
}

extension Duration {
    fileprivate var inSeconds: Double {
        Double(components.seconds) + Double(components.attoseconds / 1_000_000_000_000_000) / 1000
    }
}
