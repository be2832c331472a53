import Logging
import Vigil

/// Raises an alarm when the store has become larger than it may be.
///
/// The size is looked at now and then, and not with every write, so that it may become larger by what is written in one
/// interval. It is that of LMDB's file, which deletes and compactions do not make smaller: they leave room in it, and
/// `Defragment` gives that back.
struct Quota {
    let member: Member
    let bytes: Int
    let logger: Logger

    /// Looks until the task is cancelled.
    func run() async {
        while !Task.isCancelled {
            look()
            try? await Task.sleep(for: Limits.quotaInterval)
        }
    }

    private func look() {
        guard let statistics = try? member.store.statistics() else { return }
        let size = statistics.fileBytes + statistics.pendingBytes
        guard size > bytes, member.alarms.raise(Alarm(kind: .noSpace, memberID: member.memberID)) else { return }
        logger.warning(
            """
            the store has \(size) bytes and may have \(bytes): nothing is put any more; delete and compact, defragment, \
            and then disarm the alarm
            """)
    }
}
