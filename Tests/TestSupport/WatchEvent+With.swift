package import Changes

extension WatchEvent {
    /// The same with some of it changed, and without what the key held before.
    package func with(
        key: Bytes? = nil, value: Bytes? = nil, lease: Int64? = nil, previousRevision: Revision? = nil
    ) -> WatchEvent {
        WatchEvent(
            type: type, key: key ?? self.key, value: value ?? self.value, revision: revision,
            createRevision: createRevision, version: version, lease: lease ?? self.lease,
            previousRevision: previousRevision ?? self.previousRevision)
    }
}
