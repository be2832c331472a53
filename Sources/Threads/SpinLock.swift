import CHints
public import Synchronization

#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A value that one thread at a time can touch, for some nanoseconds: less than it takes to go to sleep and be woken. Copies
/// are the same lock.
///
/// In place of ``Lock`` where it is taken for each update that goes from one thread to another: it takes one atomic exchange,
/// and no call of the system when both come at once. Who finds it taken looks again some times, and then gives its core away,
/// since the other one may have lost its own.
///
/// Lock and value are one piece of memory, and it is public, for the reasons that ``Lock`` has.
///
/// Sound as `@unchecked Sendable`: the value is touched only by who has set `isTaken`, until it is cleared.
public struct SpinLock<Value: ~Copyable & Sendable>: @unchecked Sendable {
    /// The header is memory for ``IsTaken``, which cannot be one itself, as it is not copyable.
    @usableFromInline
    final class Storage: ManagedBuffer<UInt8, Value> {
        deinit {
            _ = withUnsafeMutablePointerToElements { $0.deinitialize(count: 1) }
        }
    }

    @usableFromInline typealias IsTaken = Atomic<Bool>

    @usableFromInline let storage: ManagedBuffer<UInt8, Value>

    public init(_ value: consuming Value) {
        storage = Storage.create(minimumCapacity: 1) { _ in 0 }
        pointers.isTaken.initialize(to: Atomic(false))
        pointers.value.initialize(to: value)
    }

    @inlinable @inline(__always)
    var pointers: (isTaken: UnsafeMutablePointer<IsTaken>, value: UnsafeMutablePointer<Value>) {
        storage.withUnsafeMutablePointers {
            (UnsafeMutableRawPointer($0).assumingMemoryBound(to: IsTaken.self), $1)
        }
    }

    /// Has the lock, and what of the value lies beside it, fetched from memory for ``withLock(_:)``.
    @inlinable @inline(__always)
    public func fetch() {
        prefetchToWrite(UnsafeRawPointer(pointers.isTaken))
        prefetchToWrite(UnsafeRawPointer(pointers.value))
    }

    /// Runs `body`, which must not wait for anything, with the lock held.
    @inlinable @inline(__always)
    public func withLock<R: ~Copyable, E>(_ body: (inout Value) throws(E) -> R) throws(E) -> R {
        let (isTaken, value) = pointers
        if isTaken.pointee.exchange(true, ordering: .acquiring) { waitAndTake(isTaken) }
        // The pointers stay good as long as the storage, which this keeps.
        defer {
            isTaken.pointee.store(false, ordering: .releasing)
            withExtendedLifetime(storage) {}
        }
        return try body(&value.pointee)
    }
}

/// Takes a lock when it is free.
@usableFromInline @inline(never)
func waitAndTake(_ isTaken: UnsafeMutablePointer<Atomic<Bool>>) {
    var looks = 0
    repeat {
        // Read until it is free, since to write would take it from the other core again and again.
        while isTaken.pointee.load(ordering: .relaxed) {
            looks += 1
            if looks % looksBeforeYield == 0 { sched_yield() } else { vigil_pause() }
        }
    } while isTaken.pointee.exchange(true, ordering: .acquiring)
}

/// How often a lock is looked at before the core is given away: some microseconds.
private let looksBeforeYield = 64
