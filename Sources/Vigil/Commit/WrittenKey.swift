import Changes

/// A key that is written, and its hash, which its writer works out: writers do so side by side, and the committer is one for
/// all.
struct WrittenKey: Sendable {
    let key: Bytes
    let hash: UInt64

    init(_ key: Bytes) {
        self.key = key
        hash = VersionTable.hash(key)
    }
}
