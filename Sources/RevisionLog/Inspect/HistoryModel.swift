import Changes

/// The history of all keys in the log, rebuilt change by change, to compare with what is stored elsewhere. Holds numbers
/// for each key that the log changes, and a checksum instead of its value.
struct HistoryModel {
    private struct Known {
        var type: WatchEventType
        var modRevision: Revision
        var createRevision: Revision
        var version: Int64
        var checksum: UInt32

        init(_ version: KeyVersion) {
            type = version.type
            modRevision = version.modRevision
            createRevision = version.createRevision
            self.version = version.version
            var sum = Checksum()
            version.value.withUnsafeBytes { sum.add($0) }
            checksum = sum.value
        }
    }

    /// The first revision of the log.
    private let dropped: Revision
    /// The first revision that can be read.
    private let compacted: Revision
    /// The newest version so far; nil for a key that had none when the log begins.
    private var keys: [Bytes: Known?] = [:]
    /// Keys that `state` was found to have.
    private var checked: Set<Bytes> = []

    init(dropped: Revision, compacted: Revision) {
        self.dropped = dropped
        self.compacted = compacted
    }

    func knows(_ key: Bytes) -> Bool { keys[key] != nil }

    /// The log changes `key` for the first time; `base` has what was before.
    mutating func begin(_ key: Bytes, _ base: KeyVersion?) {
        keys[Bytes(Array(key))] = .some(base.map { Known($0) })
    }

    /// The next change of `key`. Returns what is wrong with it.
    mutating func follow(_ key: Bytes, _ version: KeyVersion) -> String? {
        let before = keys[key] ?? nil
        keys.updateValue(Known(version), forKey: key)
        guard let before else {
            // What was before the first revision that can be read is not needed if that changed the key itself.
            if version.modRevision == compacted, version.previousRevision < dropped { return nil }
            if version.previousRevision >= dropped {
                return "names \(version.previousRevision) as the revision before, where it was not changed"
            }
            return version.type == .delete ? "deletes what did not exist" : first(version)
        }
        if version.previousRevision != before.modRevision {
            return "names \(version.previousRevision) as the revision before, which is \(before.modRevision)"
        }
        if version.type == .delete { return before.type == .delete ? "deletes what did not exist" : nil }
        if before.type == .delete { return first(version) }
        if version.version != before.version + 1 {
            return "has version \(version.version) after \(before.version)"
        }
        if version.createRevision != before.createRevision {
            return "has create revision \(version.createRevision), before \(before.createRevision)"
        }
        return nil
    }

    private func first(_ version: KeyVersion) -> String? {
        version.version == 1 && version.createRevision == version.modRevision
            ? nil : "begins with version \(version.version), create revision \(version.createRevision)"
    }

    /// What `state` says of `key`. Returns what is wrong with it.
    mutating func checkNewest(_ key: Bytes, _ version: KeyVersion) -> String? {
        guard let known = keys[key] else {
            return version.modRevision >= dropped
                ? "is of revision \(version.modRevision), which did not change it" : nil
        }
        checked.insert(key)
        let stored = Known(version)
        guard let known else { return "is in the state and never was put" }
        if stored.modRevision != known.modRevision {
            return "is of revision \(stored.modRevision); the log's last change is \(known.modRevision)"
        }
        if stored.checksum != known.checksum || stored.type != known.type {
            return "has another value than revision \(known.modRevision) of the log"
        }
        if stored.version != known.version || stored.createRevision != known.createRevision {
            return "has version \(stored.version) and create revision \(stored.createRevision); "
                + "the log has \(known.version) and \(known.createRevision)"
        }
        return nil
    }

    /// `state` has `key`, but what it says cannot be read.
    mutating func skipNewest(_ key: Bytes) {
        checked.insert(key)
    }

    /// Keys that the log changed and `state` does not have.
    var unchecked: [Bytes] { keys.keys.filter { !checked.contains($0) }.sorted() }
}
