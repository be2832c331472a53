#if canImport(Darwin)
    public import Darwin
#elseif canImport(Glibc)
    public import Glibc
#elseif canImport(Musl)
    public import Musl
#endif

/// A value that one thread at a time can touch, for moments: nothing blocks while it is held. Copies are the same lock.
///
/// In place of `Synchronization.Mutex`, whose lock ThreadSanitizer cannot see on Linux, so that it would report races
/// that are none, and hide those that are.
///
/// Lock and value are one piece of memory, since whoever takes the lock of something that has been resting for long pays for
/// each place in memory that it has to look at.
///
/// Public, in a module that no product exports, since the optimiser specialises nothing of another module that is less.
///
/// Sound as `@unchecked Sendable`: the value is touched only while the mutex, which never moves, is held.
public struct Lock<Value: Sendable>: @unchecked Sendable {
    @usableFromInline
    final class Storage: ManagedBuffer<pthread_mutex_t, Value> {
        deinit {
            _ = withUnsafeMutablePointers { mutex, value in
                value.deinitialize(count: 1)
                return pthread_mutex_destroy(mutex)
            }
        }
    }

    @usableFromInline let storage: ManagedBuffer<pthread_mutex_t, Value>

    public init(_ value: Value) {
        storage = Storage.create(minimumCapacity: 1) { _ in pthread_mutex_t() }
        storage.withUnsafeMutablePointers { mutex, place in
            let status = pthread_mutex_init(mutex, nil)
            precondition(status == 0, "no mutex: error \(status)")
            place.initialize(to: value)
        }
    }

    /// Runs `body` with the lock held.
    @inlinable @inline(__always)
    public func withLock<R, E>(_ body: (inout Value) throws(E) -> R) throws(E) -> R {
        let (mutex, value) = storage.withUnsafeMutablePointers { ($0, $1) }
        pthread_mutex_lock(mutex)
        // The pointers stay good as long as the storage, which this keeps.
        defer {
            pthread_mutex_unlock(mutex)
            withExtendedLifetime(storage) {}
        }
        return try body(&value.pointee)
    }
}
