#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A value guarded by a lock that threads can wait on. For the store's own threads only: a task must never wait here.
///
/// `Synchronization.Mutex` has no condition variable, hence POSIX.
///
/// Sound as `@unchecked Sendable`: `value` is touched with the lock held only; so access needs no run-time check either.
package final class Monitor<Value>: @unchecked Sendable {
    // Allocated apart, since their addresses must not change.
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    @exclusivity(unchecked) private var value: Value

    package init(_ value: sending Value) {
        self.value = value
        pthread_mutex_init(mutex, nil)
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        #if !canImport(Darwin)
            pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        #endif
        pthread_cond_init(condition, &attributes)
        pthread_condattr_destroy(&attributes)
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    /// Runs `body` with the lock held.
    package func withLock<R>(_ body: (inout Value) throws -> sending R) rethrows -> sending R {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return try body(&value)
    }

    /// Runs `body` with the lock held, then wakes the threads that wait.
    package func notify<R>(_ body: (inout Value) throws -> sending R) rethrows -> sending R {
        pthread_mutex_lock(mutex)
        defer {
            pthread_cond_broadcast(condition)
            pthread_mutex_unlock(mutex)
        }
        return try body(&value)
    }

    /// Wakes the threads that wait, to look at what was changed with the lock held.
    package func wake() {
        pthread_cond_broadcast(condition)
    }

    /// Waits until `body` returns something, asking it at each notification. With `seconds` also when that time is over:
    /// then `body` is asked once more and its nil is returned.
    @discardableResult
    package func wait<R>(seconds: Double? = nil, _ body: (inout Value) throws -> sending R?) rethrows -> sending R? {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        guard let seconds else {
            while true {
                if let result = try body(&value) { return result }
                pthread_cond_wait(condition, mutex)
            }
        }
        var deadline = Monitor.now(plus: seconds)
        while true {
            if let result = try body(&value) { return result }
            if pthread_cond_timedwait(condition, mutex, &deadline) == ETIMEDOUT { return try body(&value) }
        }
    }

    private static func now(plus seconds: Double) -> timespec {
        var time = timespec()
        #if canImport(Darwin)
            clock_gettime(CLOCK_REALTIME, &time)
        #else
            clock_gettime(CLOCK_MONOTONIC, &time)
        #endif
        let nanoseconds = Double(time.tv_nsec) + (seconds - seconds.rounded(.down)) * 1e9
        time.tv_sec += Int(seconds) + Int(nanoseconds / 1e9)
        time.tv_nsec = Int(nanoseconds) % 1_000_000_000
        return time
    }
}
