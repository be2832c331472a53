import Changes
import RevisionLog

/// The numbers of the newest version of each key that LMDB may not have yet, for the committer, which needs them to
/// number the next one. One look-up, however much waits for the checkpointer; what is not here is in LMDB.
///
/// Two generations, so that forgetting costs nothing: the older one is dropped whole when the checkpoint has passed it, and
/// if it is large on another thread, since all writers would wait.
///
/// What was there at the beginning is not gathered, which would be most of what opening a store after a crash takes: until
/// the checkpoint has passed it, what is not here is looked for in the overlay too.
///
/// Belongs to the leader of the commits.
final class RecentVersions {
    private var young = VersionTable()
    private var old = VersionTable()
    /// The newest revision in `old`, or before it.
    private var oldThrough: Revision = 0
    /// Where it began, until LMDB has everything up to there.
    private var start: Revision?
    private let log: RevisionLog

    init(log: RevisionLog) {
        self.log = log
        reload()
    }

    /// The newest version of `key`, tombstones included.
    func latest(_ key: WrittenKey) throws(StoreError) -> VersionNumbers? {
        if let recent = recent(key) { return recent }
        if start != nil { return try log.reader.latest(key.key)?.numbers }
        return try log.reader.checkpointed(key.key)
    }

    /// The same, if it was noted and LMDB may not have it yet.
    func recent(_ key: WrittenKey) -> VersionNumbers? {
        young.find(key) ?? old.find(key)
    }

    /// Has what looking for keys with these hashes will read fetched from memory.
    func fetch(_ hashes: [UInt32]) {
        young.fetch(hashes)
        old.fetch(hashes)
    }

    /// `key` has a new version, in the log or in the group that is being gathered.
    func note(_ key: WrittenKey, _ version: VersionNumbers) {
        young.set(key, version)
    }

    /// To be called between groups: drops what LMDB has by now.
    func forget() {
        let snapshot = log.reader.snapshot
        if let start, snapshot.checkpoint >= start { self.start = nil }
        guard snapshot.checkpoint >= oldThrough, !(young.isEmpty && old.isEmpty) else { return }
        if old.count > Limits.forgottenInPlace { log.letGo(old) }
        old = young
        oldThrough = snapshot.head
        young = VersionTable(minimumCapacity: young.count)
    }

    /// Begins again with what is visible: after opening, and after a group that was noted and could not be written.
    func reload() {
        young = VersionTable()
        old = VersionTable()
        let head = log.reader.head
        (start, oldThrough) = (head, head)
    }
}
