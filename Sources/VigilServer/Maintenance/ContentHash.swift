import Crypto
import Vigil

/// A number that two stores share, with overwhelming likelihood, exactly if they have the same keys with the same values,
/// revisions, versions and leases at the same revision; whatever was compacted in either.
///
///     hash = the first four bytes of SHA-256 of, for each key in order:
///            length of the key (8 bytes, little-endian), key, length of the value, value,
///            create revision, mod revision, version, lease (8 bytes each)
///
/// It is not the number that etcd computes, of its own records.
enum ContentHash {
    /// The hash of what `store` holds at `revision`, or now, and the revision that it is of.
    ///
    /// - Throws: `.compacted`, `.futureRevision`.
    static func of(_ store: WatchStore, at revision: Revision? = nil) async throws -> (hash: UInt32, revision: Revision)
    {
        while true {
            let fixed = revision ?? store.head
            do {
                return (try await hash(store, at: fixed), fixed)
            } catch let error as StoreError where error.code == .compacted && revision == nil {
                // What was the newest revision was compacted meanwhile: there is a newer one.
            }
        }
    }

    private static func hash(_ store: WatchStore, at revision: Revision) async throws -> UInt32 {
        var digest = SHA256()
        var lower = Bytes()
        while true {
            let page = try store.range(
                lower.isEmpty ? .all : .from(lower), RangeOptions(at: revision, limit: Limits.hashedKeys))
            for keyValue in page.keyValues { digest.update(keyValue) }
            guard page.more, let last = page.keyValues.last else { break }
            lower = Bytes(last.key.withUnsafeBytes { Array($0) } + [0])
            await Task.yield()
            try Task.checkCancellation()
        }
        return digest.finalize().prefix(4).reduce(0) { $0 << 8 | UInt32($1) }
    }
}

extension SHA256 {
    fileprivate mutating func update(_ keyValue: KeyValue) {
        for bytes in [keyValue.key, keyValue.value] {
            update(Int64(bytes.count))
            bytes.withUnsafeBytes { update(bufferPointer: $0) }
        }
        for number in [keyValue.createRevision, keyValue.modRevision, keyValue.version, keyValue.lease] {
            update(number)
        }
    }

    private mutating func update(_ number: Int64) {
        withUnsafeBytes(of: number.littleEndian) { update(bufferPointer: $0) }
    }
}
