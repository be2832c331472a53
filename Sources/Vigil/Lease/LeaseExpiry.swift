import Changes
import RevisionLog
import Threads

/// Ends leases: those whose time is over, on a thread that sleeps until the next one's is, and those that are revoked.
///
/// First nothing can be attached to the lease any more, then its keys are deleted, then the lease itself goes. A crash
/// in between leaves a lease without keys, which ends again.
final class LeaseExpiry: Sendable {
    private let log: RevisionLog
    private let committer: Committer
    private let thread = Monitor<OSThread?>(nil)

    init(log: RevisionLog, committer: Committer) {
        self.log = log
        self.committer = committer
        let started = OSThread { [self] in run() }
        thread.withLock { $0 = started }
    }

    /// Ends the thread. Blocks.
    func stop() {
        log.leases.stop()
        thread.withLock { $0 }?.join()
    }

    private func run() {
        while log.leases.waitForExpiry(tick: Limits.leaseTick) { endExpired() }
    }

    /// Ends those whose time is over: a revision for each, and one transaction to forget them. Blocks.
    func endExpired() {
        let expired = log.leases.takeExpired()
        if expired.isEmpty { return }
        let ended = Monitor<[Int64: Bool]>([:])
        for id in expired {
            Task.detached { [self] in
                let isDone = (try? await deleteKeys(of: id)) != nil
                ended.notify { $0[id] = isDone }
            }
        }
        let done = ended.wait { ended in
            ended.count == expired.count ? ended.filter(\.value).map(\.key) : nil
        }!
        let result = Monitor<Result<Void, StoreError>?>(nil)
        log.forget(done) { outcome in result.notify { $0 = outcome } }
        if case .failure = result.wait({ $0 })! {
            for id in done { log.leases.abandonEnding(id, pause: Limits.leasePause) }
        }
    }

    /// Revokes the lease. Returns the revision that deleted its keys, or the newest if it had none.
    func revoke(_ id: Int64) async throws -> Revision {
        try log.leases.beginEnding(id)
        let revision = try await deleteKeys(of: id)
        do {
            try await withCheckedThrowingContinuation { continuation in
                log.forget([id]) { continuation.resume(with: $0) }
            }
        } catch {
            log.leases.abandonEnding(id, pause: Limits.leasePause)
            throw error
        }
        return revision
    }

    private func deleteKeys(of id: Int64) async throws -> Revision {
        do {
            var step: CommitGroup.Ending
            repeat {
                step = try await withUnsafeThrowingContinuation { committer.submit(.ending(id, $0)) }
            } while !step.isComplete
            return step.revision
        } catch {
            log.leases.abandonEnding(id, pause: Limits.leasePause)
            throw error
        }
    }
}
