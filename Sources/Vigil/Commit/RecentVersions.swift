import Changes
import RevisionLog

/// The numbers of the newest version of each key that LMDB may not have yet, for the committer, which needs them to
/// number the next one. One look-up, however much waits for the checkpointer; what is not here is in LMDB.
///
/// Two generations, so that forgetting costs nothing: the older one is dropped whole when the checkpoint has passed it.
///
/// Belongs to the leader of the commits.
final class RecentVersions {
    private var young: [Bytes: VersionNumbers] = [:]
    private var old: [Bytes: VersionNumbers] = [:]
    /// The newest revision in `old`, or before it.
    private var oldThrough: Revision = 0
    private let log: RevisionLog

    init(log: RevisionLog) {
        self.log = log
        reload()
    }

    /// The newest version of `key`, tombstones included.
    func latest(_ key: Bytes) throws(StoreError) -> VersionNumbers? {
        if let recent = young[key] ?? old[key] { return recent }
        return try log.reader.checkpointed(key)
    }

    /// The same, if LMDB may not have it yet.
    func recent(_ key: Bytes) -> VersionNumbers? { young[key] ?? old[key] }

    /// `key` has a new version, in the log or in the group that is being gathered.
    func note(_ key: Bytes, _ version: VersionNumbers) {
        young[key] = version
    }

    /// To be called between groups: drops what LMDB has by now.
    func forget() {
        let snapshot = log.reader.snapshot
        guard snapshot.checkpoint >= oldThrough, !(young.isEmpty && old.isEmpty) else { return }
        old = young
        oldThrough = snapshot.head
        young = Dictionary(minimumCapacity: young.count)
    }

    /// Begins again with what is visible: after opening, and after a group that was noted and could not be written.
    func reload() {
        young = [:]
        old = [:]
        oldThrough = log.reader.snapshot.head
        log.reader.forEachRecent { old[$0] = $1 }
    }
}
