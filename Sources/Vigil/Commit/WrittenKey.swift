import Changes

/// A key that is written, and its hash, which its writer works out: writers do so side by side, and the committer is one for
/// all.
struct WrittenKey: Sendable {
    let key: Bytes
    /// Where a ``KeyIndex`` has it.
    let hash: UInt32

    init(_ key: Bytes) {
        self.key = key
        hash = KeyIndex.hash(key)
    }
}
