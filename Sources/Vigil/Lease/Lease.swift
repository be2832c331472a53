/// A promise to stay: keys attached to it are deleted when it ends, because it was revoked or because nobody kept it alive
/// for as long as it was granted for.
///
/// ```swift
/// let lease = try await store.grantLease(seconds: 10)
/// try await store.put("workers/7", "10.0.0.7", lease: lease.id)
/// try store.keepLeaseAlive(lease.id)  // and again, at least every 10 seconds
/// ```
///
/// Leases end in the process that has the store open for writing, by a clock that nobody sets, and never early: when the
/// store is opened, each has its whole time again.
public struct Lease: Sendable, Hashable {
    /// Its number, positive if the store chose it.
    public var id: Int64
    /// What it was granted for, in seconds.
    public var seconds: Int64
    /// How long it has left; negative while it is about to end, nil in a process that only reads the store.
    public var remaining: Duration?

    package init(id: Int64, seconds: Int64, remaining: Duration?) {
        self.id = id
        self.seconds = seconds
        self.remaining = remaining
    }
}

/// What becomes of a key's lease when the key is put.
public enum LeaseAttachment: Sendable, Hashable {
    /// The key is attached to none from now on.
    case none
    /// It is attached to the lease of this id, which must exist: `.leaseNotFound` otherwise.
    case lease(Int64)
    /// It stays as it is; the key must exist: `.keyNotFound` otherwise.
    case kept
}
