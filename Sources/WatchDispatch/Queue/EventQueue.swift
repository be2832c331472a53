import Changes
import Synchronization

/// A bounded queue from many producers to the dispatcher that never makes a producer wait: what does not fit is
/// dropped and counted.
///
/// A ring of slots with sequence numbers, after Dmitry Vyukov's bounded queue. A producer claims position `p` by moving
/// the tail past it, writes the slot, and then its sequence, `p + 1`, by which the consumer knows that it may read it.
/// Unlike in Vyukov's queue nobody reads a slot in order to claim it: a position less than `capacity` ahead of the head is
/// one whose slot was read. So a producer only writes to the slot, and does not wait for the other core's cache.
///
/// With each update travels how many had been dropped before it, so that the consumer knows where the holes are.
///
/// Sound as `@unchecked Sendable`: a slot's contents are written by the one producer that claimed its position, after the
/// consumer has passed it by, and read by the consumer after it acquired the sequence that the producer released.
final class EventQueue: @unchecked Sendable {
    /// What a slot holds. The batch is a reference that the slot owns until it is popped.
    private struct Slot: ~Copyable {
        /// One more than the position whose update it has; 0 before the first.
        let sequence = Atomic<Int>(0)
        var batch: Unmanaged<ChangeBatch>?
        var record: Int32 = 0
        var droppedBefore: UInt64 = 0
    }

    private let slots: UnsafeMutablePointer<Slot>
    private let capacity: Int
    /// How many slots there are.
    private let ring: Int
    // What producers change, what the consumer changes and what a full queue changes are kept in lines of the cache of
    // their own, or each would slow the others down.
    private let beforeProducers = Padding()
    private let tail = Atomic<Int>(0)
    /// A position that the consumer has passed; the producers look at its own only when this one is too far back.
    private let headSeen = Atomic<Int>(0)
    private let beforeConsumer = Padding()
    /// The consumer's position; it alone changes it.
    private let head = Atomic<Int>(0)
    private let beforeDrops = Padding()
    private let droppedCount = Atomic<UInt64>(0)
    private let droppedThrough = Atomic<Revision>(0)
    private let afterDrops = Padding()

    /// A queue for `capacity` updates, at least 1.
    init(capacity: Int) {
        precondition(capacity >= 1, "an event queue of \(capacity) updates; it must hold at least 1")
        self.capacity = capacity
        // A power of two, since to divide would be a third of what a push costs.
        ring = 1 << (Int.bitWidth - (capacity - 1).leadingZeroBitCount)
        slots = .allocate(capacity: ring)
        for position in 0..<ring { (slots + position).initialize(to: Slot()) }
    }

    deinit {
        while let popped = pop() { popped.batch.release() }
        slots.deinitialize(count: ring)
        slots.deallocate()
    }

    private func slot(at position: Int) -> UnsafeMutablePointer<Slot> { slots + (position & (ring - 1)) }

    /// Adds an update; false if the queue is full, and then it is counted as dropped.
    func push(_ batch: ChangeBatch, record: Int) -> Bool {
        var position = tail.load(ordering: .relaxed)
        while hasRoom(at: position) {
            let dropped = droppedCount.load(ordering: .relaxed)
            let (isClaimed, current) = tail.weakCompareExchange(
                expected: position, desired: position + 1, successOrdering: .sequentiallyConsistent,
                failureOrdering: .relaxed)
            guard isClaimed else {
                position = current
                continue
            }
            let slot = self.slot(at: position)
            slot.pointee.batch = Unmanaged.passRetained(batch)
            slot.pointee.record = Int32(record)
            slot.pointee.droppedBefore = dropped
            slot.pointee.sequence.store(position + 1, ordering: .releasing)
            return true
        }
        drop(batch.firstRevision + Int64(record))
        return false
    }

    /// Whether `position` is less than `capacity` ahead of the consumer.
    private func hasRoom(at position: Int) -> Bool {
        if position - headSeen.load(ordering: .acquiring) < capacity { return true }
        let current = head.load(ordering: .acquiring)
        headSeen.store(current, ordering: .releasing)
        return position - current < capacity
    }

    /// A revision, and how many had been dropped before it was added. Its reference is the consumer's, who releases it:
    /// to count that up and down at each step on the way to a watcher would be a third of what dispatching takes.
    struct Popped: BitwiseCopyable {
        let batch: Unmanaged<ChangeBatch>
        let record: Int32
        let droppedBefore: UInt64
    }

    /// Takes the oldest revision. For the consumer only.
    func pop() -> Popped? {
        let position = head.load(ordering: .relaxed)
        let slot = self.slot(at: position)
        guard slot.pointee.sequence.load(ordering: .acquiring) == position + 1 else { return nil }
        let popped = Popped(
            batch: slot.pointee.batch!, record: slot.pointee.record, droppedBefore: slot.pointee.droppedBefore)
        head.store(position + 1, ordering: .releasing)
        return popped
    }

    /// Whether no position is claimed that was not popped. What was claimed is popped soon, not at once. For the
    /// consumer only.
    ///
    /// It asks for the claim since that is a sequentially consistent operation anyway: a producer needs no other barrier
    /// before it looks whether the consumer sleeps.
    var isEmpty: Bool {
        tail.load(ordering: .sequentiallyConsistent) == head.load(ordering: .relaxed)
    }

    /// How many updates were dropped so far, and the greatest revision among them.
    var dropped: (count: UInt64, through: Revision) {
        let count = droppedCount.load(ordering: .sequentiallyConsistent)
        return (count, droppedThrough.load(ordering: .acquiring))
    }

    private func drop(_ revision: Revision) {
        if revision > droppedThrough.load(ordering: .relaxed) {
            droppedThrough.max(revision, ordering: .acquiringAndReleasing)
        }
        droppedCount.add(1, ordering: .sequentiallyConsistent)
    }
}

/// Keeps its neighbours out of each other's pair of cache lines, which processors fetch together.
private struct Padding {
    private let words:
        (
            UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64,
            UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64
        ) = (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
}
