package import Changes
import LMDB

extension LogReader {
    package var head: Revision { state.head }

    /// `update` with what each key held before; nothing where that revision is compacted, or what it put is lost.
    package func withPrevious(_ update: WatchUpdate) throws -> WatchUpdate {
        try withView { snapshot, transaction in
            let meta = try meta(transaction)
            let isCompacted = update.revision - 1 < max(meta.compacted, snapshot.compacted)
            let indices = update.batch.entryIndices(ofRecord: Int(update.record))
            var completed = update
            var found = [KeyValue?](repeating: nil, count: indices.count)
            // In the order of the log, so that each of its blocks is decoded once.
            let entries = update.batch.entries
            let ordered = indices.sorted { entries[$0].previousRevision < entries[$1].previousRevision }
            for index in ordered where !isCompacted && update.filter?.matches(update.batch, index) ?? true {
                let key = update.batch.key(index)
                let version = KeyVersion(update.batch, index)
                let before = try previous(of: version, key, meta, snapshot, transaction)
                found[index - indices.lowerBound] = before?.isLost == true ? nil : before?.keyValue(key)
            }
            completed.previous = found
            return completed
        }
    }

    /// Of `updates` only the changes that made their key's present version.
    package func newestOnly(_ updates: ReplayedUpdates) throws -> ReplayedUpdates {
        try withView { snapshot, transaction in
            var result = ReplayedUpdates(filter: updates.filter)
            for update in updates {
                let events = update.events
                let newest = try events.filter { event in
                    let latest = try latest(event.key, numbersOnly: true, snapshot, transaction)
                    return latest.map { $0.modRevision <= event.revision } ?? true
                }
                if newest.count == events.count {
                    result.append(update.batch, record: Int(update.record))
                } else if !newest.isEmpty {
                    let batch = ChangeBatch(
                        revision: update.revision, events: newest, milliseconds: update.commitMilliseconds)
                    result.append(batch, record: 0)
                }
            }
            return result
        }
    }
}
