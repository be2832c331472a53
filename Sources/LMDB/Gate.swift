import CLMDB

#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Counts the open transactions of this process, keeps finished read transactions for the next readers, and lets a
/// remap happen at a moment when none is open, as LMDB demands.
///
/// A waiting remap holds newcomers back, or a steady stream of readers would starve it; but only for
/// `Limits.yieldToRemapMilliseconds`, because a newcomer may be the very thing that a running transaction waits for (a
/// read inside a read, or a lock taken in both orders). So nothing here can wait forever.
///
/// Sound as `Sendable`: every stored variable is touched only while `mutex` is held; the two pointers never change.
final class Gate: @unchecked Sendable {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let changed = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var active = 0
    private var waitingRemaps = 0
    private var remapping = false
    private var idle: [OpaquePointer] = []
    /// Why the map is gone: the environment was closed, or neither the new nor the old size could be mapped.
    private var failure: LMDBError?

    init() {
        precondition(pthread_mutex_init(mutex, nil) == 0, "no mutex")
        #if canImport(Darwin)
            precondition(pthread_cond_init(changed, nil) == 0, "no condition variable")
        #else
            var attributes = pthread_condattr_t()
            precondition(pthread_condattr_init(&attributes) == 0, "no condition attributes")
            precondition(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0, "no monotonic clock")
            precondition(pthread_cond_init(changed, &attributes) == 0, "no condition variable")
            pthread_condattr_destroy(&attributes)
        #endif
        idle.reserveCapacity(Limits.idleReadTransactions)
    }

    deinit {
        pthread_cond_destroy(changed)
        pthread_mutex_destroy(mutex)
        changed.deallocate()
        mutex.deallocate()
    }

    /// Counts a transaction in. Returns a finished read transaction to renew, if one is asked for and kept.
    func enter(reading: Bool) throws(LMDBError) -> OpaquePointer? {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        if waitingRemaps > 0 || remapping {
            let deadline = Self.now() + Limits.yieldToRemapMilliseconds
            while remapping || (waitingRemaps > 0 && Self.now() < deadline) {
                wait(until: remapping ? .max : deadline)
            }
        }
        if let failure { throw failure }
        active += 1
        return reading ? idle.popLast() : nil
    }

    /// Counts a transaction out. Returns whether `finished` was kept; if not it is the caller's to end.
    @discardableResult
    func leave(keeping finished: OpaquePointer? = nil) -> Bool {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        active -= 1
        precondition(active >= 0, "a transaction left twice")
        if active == 0 && waitingRemaps > 0 { pthread_cond_broadcast(changed) }
        guard let finished, idle.count < Limits.idleReadTransactions else { return false }
        idle.append(finished)
        return true
    }

    /// Runs `remap` while no transaction is open. Returns false, without running it, if that did not come to be
    /// within `milliseconds`. An error that `remap` returns makes every later `enter` fail.
    func withoutTransactions(within milliseconds: Int64, _ remap: () -> LMDBError?) -> Bool {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        let deadline = Self.now() + milliseconds
        waitingRemaps += 1
        while active > 0 || remapping {
            guard Self.now() < deadline else {
                waitingRemaps -= 1
                pthread_cond_broadcast(changed)
                return false
            }
            wait(until: deadline)
        }
        waitingRemaps -= 1
        // Closed by somebody else meanwhile: there is nothing left to remap.
        if failure != nil { return true }
        remapping = true
        pthread_mutex_unlock(mutex)
        let failed = remap()
        pthread_mutex_lock(mutex)
        if failed != nil { failure = failed }
        remapping = false
        pthread_cond_broadcast(changed)
        return true
    }

    /// Hands over the kept transactions, for the environment to end them.
    func takeIdle() -> [OpaquePointer] {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        defer { idle = [] }
        return idle
    }

    /// Milliseconds on a clock that never goes back.
    private static func now() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    }

    /// Waits for a change, or for a little longer than `deadline` at most. May return early: callers loop.
    private func wait(until deadline: Int64) {
        let remaining = max(0, min(deadline - Self.now(), 3_600_000)) + 1
        var time = timespec()
        #if canImport(Darwin)
            time.tv_sec = Int(remaining / 1000)
            time.tv_nsec = Int(remaining % 1000) * 1_000_000
            pthread_cond_timedwait_relative_np(changed, mutex, &time)
        #else
            let end = Self.now() + remaining
            time.tv_sec = Int(end / 1000)
            time.tv_nsec = Int(end % 1000) * 1_000_000
            pthread_cond_timedwait(changed, mutex, &time)
        #endif
    }
}
