public import Changes
import RevisionLog

extension WatchStore {
    /// Grants a lease of `seconds`, from 1 to 9 000 000 000, under `id` or, for 0, under one that is free. Returns when it
    /// is on disk.
    ///
    /// - Throws: `.invalidArgument` for a time or an id that cannot be, `.leaseExists`, `.tooLarge` if there are as many as
    ///   there may be.
    public func grantLease(seconds: Int64, id: Int64 = 0) async throws -> Lease {
        let (log, _) = try requireCommitter()
        let limit = LogOptions.leaseSeconds
        guard limit.contains(seconds) else {
            throw StoreError(
                .invalidArgument,
                "a lease of \(seconds) seconds; it must have \(limit.lowerBound) to \(limit.upperBound)")
        }
        let granted: Int64 = try await withCheckedThrowingContinuation { continuation in
            log.grant(id, seconds: seconds) { continuation.resume(with: $0) }
        }
        return Lease(id: granted, seconds: seconds, remaining: .seconds(seconds))
    }

    /// Ends the lease `id`: deletes its keys and forgets it. The keys go together, as one revision, unless there are more
    /// than one transaction may delete (``deleteRange(_:)``). Returns that revision, or the newest if there were none, when it is on disk.
    ///
    /// - Throws: `.leaseNotFound`.
    @discardableResult
    public func revokeLease(_ id: Int64) async throws -> Revision {
        try await requireLeases().revoke(id)
    }

    /// Gives the lease `id` its whole time again. Nil if there is none, or its time is over.
    @discardableResult
    public func keepLeaseAlive(_ id: Int64) throws -> Lease? {
        let (log, _) = try requireCommitter()
        return log.leases.renew(id).map { Lease(id: id, seconds: $0.seconds, remaining: .seconds($0.seconds)) }
    }

    /// All leases, in the order of their ids.
    public func leases() throws -> [Lease] {
        try requireOpen()
        guard let (log, _) = try? requireCommitter() else {
            return try reader.storedLeases().map { Lease(id: $0.id, seconds: $0.seconds, remaining: nil) }
        }
        let now = log.leases.now()
        return log.leases.leases.map {
            Lease(id: $0.id, seconds: $0.lease.seconds, remaining: now.duration(to: $0.lease.deadline))
        }
    }

    /// The lease `id`, or nil if there is none.
    public func lease(_ id: Int64) throws -> Lease? {
        try requireOpen()
        guard let (log, _) = try? requireCommitter() else { return try leases().first { $0.id == id } }
        let now = log.leases.now()
        return log.leases.lease(id).map {
            Lease(id: id, seconds: $0.seconds, remaining: now.duration(to: $0.deadline))
        }
    }

    /// The keys that are attached to the lease `id`, in order.
    public func keys(ofLease id: Int64) throws -> [Bytes] {
        try requireOpen()
        return try reader.keys(of: id, (try? requireCommitter())?.0.leases)
    }

    /// Puts `value` under `key` and attaches the key to a lease, or keeps it attached.
    ///
    /// - Throws: as ``put(_:_:)``; `.leaseNotFound`; `.keyNotFound` if the lease of a key is to be kept that is not there.
    @discardableResult
    public func put(_ key: Bytes, _ value: Bytes, lease: LeaseAttachment) async throws -> Revision {
        if lease == .none { return try await put(key, value) }
        return try await transaction(Transaction(then: [.put(key, value, lease: lease)])).revision
    }

    /// The same with the id of a lease, which must exist.
    @discardableResult
    public func put(_ key: Bytes, _ value: Bytes, lease: Int64) async throws -> Revision {
        try await put(key, value, lease: .lease(lease))
    }
}
