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
    @usableFromInline
    struct Cell: ~Copyable {
        @usableFromInline let isTaken = Atomic(false)
        @usableFromInline var value: Value

        @usableFromInline init(_ value: consuming Value) { self.value = value }
    }

    @usableFromInline
    final class Storage: ManagedBuffer<Void, Cell> {
        deinit {
            _ = withUnsafeMutablePointerToElements { $0.deinitialize(count: 1) }
        }
    }

    @usableFromInline let storage: ManagedBuffer<Void, Cell>

    public init(_ value: consuming Value) {
        storage = Storage.create(minimumCapacity: 1) { _ in }
        storage.withUnsafeMutablePointerToElements { $0 }.initialize(to: Cell(value))
    }

    /// Has the lock, and what of the value lies beside it, fetched from memory for ``withLock(_:)``.
    @inlinable @inline(__always)
    public func fetch() {
        prefetchToWrite(UnsafeRawPointer(Unmanaged.passUnretained(storage).toOpaque()))
        storage.withUnsafeMutablePointerToElements { prefetchToWrite(UnsafeRawPointer($0)) }
    }

    /// Runs `body`, which must not wait for anything, with the lock held.
    @inlinable @inline(__always)
    public func withLock<R, E>(_ body: (inout Value) throws(E) -> R) throws(E) -> R {
        let cell = storage.withUnsafeMutablePointerToElements { $0 }
        if cell.pointee.isTaken.exchange(true, ordering: .acquiring) { Self.wait(cell) }
        // The pointer stays good as long as the storage, which this keeps.
        defer {
            cell.pointee.isTaken.store(false, ordering: .releasing)
            withExtendedLifetime(storage) {}
        }
        return try body(&cell.pointee.value)
    }

    /// Takes the lock when it is free.
    @usableFromInline @inline(never)
    static func wait(_ cell: UnsafeMutablePointer<Cell>) {
        var looks = 0
        repeat {
            // Read until it is free, since to write would take it from the other core again and again.
            while cell.pointee.isTaken.load(ordering: .relaxed) {
                looks += 1
                if looks % looksBeforeYield == 0 { sched_yield() } else { vigil_pause() }
            }
        } while cell.pointee.isTaken.exchange(true, ordering: .acquiring)
    }
}

/// How often a lock is looked at before the core is given away: some microseconds.
private let looksBeforeYield = 64
