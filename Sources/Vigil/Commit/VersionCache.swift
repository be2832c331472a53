import Changes
import RevisionLog

/// The numbers of the newest version of keys that were written lately, for the committer, which needs them to number the
/// next one: of all keys that LMDB may not have yet, however much waits for the checkpointer, and of as many more as there
/// is memory for. What is not here is in LMDB, which takes longer to look into; or nowhere, if every key since the store was
/// empty is here.
///
/// Two generations, so that forgetting costs nothing: when the younger one is full, the older one is dropped whole, if the
/// checkpoint has passed it; and if it is large on another thread, since all writers would wait.
///
/// What was there at the beginning is not gathered, which would be most of what opening a store takes: until the checkpoint
/// has passed it, what is not here is looked for in the overlay too.
///
/// Belongs to the leader of the commits.
final class VersionCache {
    private var young = VersionTable()
    private var old = VersionTable()
    /// The newest revision in `old`, or before it.
    private var oldThrough: Revision = 0
    /// Where it began, until LMDB has everything up to there.
    private var start: Revision?
    /// Whether a key that is not here was never written.
    private(set) var isComplete = false
    private let log: RevisionLog
    /// Bytes of one generation.
    private let capacity: Int

    init(log: RevisionLog) {
        self.log = log
        capacity = log.options.versionCacheBytes / 2
        reload()
    }

    /// The newest version of `key`, tombstones included.
    func latest(_ key: WrittenKey) throws(StoreError) -> VersionNumbers? {
        if let noted = noted(key) { return noted }
        if isComplete { return nil }
        if start != nil { return try log.reader.latest(key.key)?.numbers }
        return try log.reader.checkpointed(key.key)
    }

    /// The same, if it is here.
    func noted(_ key: WrittenKey) -> VersionNumbers? {
        young.find(key) ?? old.find(key)
    }

    /// Has what looking for keys with these hashes, which are sorted, will read fetched from memory.
    func fetch(_ hashes: [UInt32]) {
        young.fetch(hashes)
        old.fetch(hashes)
    }

    /// `key` has a new version, in the log or in the group that is being gathered.
    func note(_ key: WrittenKey, _ version: VersionNumbers) {
        young.set(key, version)
    }

    /// To be called between groups: forgets what there is no memory for, if LMDB has it by now.
    func forget() {
        let snapshot = log.reader.snapshot
        if let start, snapshot.checkpoint >= start { self.start = nil }
        guard young.bytes > capacity, snapshot.checkpoint >= oldThrough else { return }
        if !old.isEmpty { isComplete = false }
        if old.count > Limits.forgottenInPlace { log.letGo(old) }
        old = young
        oldThrough = snapshot.head
        young = VersionTable()
    }

    /// Begins again with what is visible: after opening, and after a group that was noted and could not be written.
    func reload() {
        young = VersionTable()
        old = VersionTable()
        let head = log.reader.head
        (start, oldThrough) = (head, head)
        isComplete = head == 0
    }
}
