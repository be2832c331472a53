import Changes
import Synchronization
import Threads

/// A bounded queue from many producers to the dispatcher that never makes a producer wait: what does not fit is
/// dropped and counted.
///
/// A ring of slots with sequence numbers, after Dmitry Vyukov's bounded queue. A producer claims as many positions as it has
/// updates, from `p` on, by moving the tail past them. It writes all of them to the slot of `p`, since they are of one batch,
/// and then that slot's sequence, `p + 1`, by which the consumer knows that it may read it.
///
/// Unlike in Vyukov's queue nobody reads a slot in order to claim it: a position less than `capacity` ahead of the head is
/// one whose slot was read. So a producer only writes to the slot, and does not wait for the other core's cache.
///
/// With each update travels how many had been dropped before it, so that the consumer knows where the holes are.
///
/// Sound as `@unchecked Sendable`: a slot's contents are written by the one producer that claimed its position, after the
/// consumer has passed it by, and read by the consumer after it acquired the sequence that the producer released. `opened`
/// is the consumer's.
final class EventQueue: @unchecked Sendable {
    /// What a slot holds: records of a batch, to which it has a reference until the last of them is popped.
    private struct Slot: ~Copyable {
        /// One more than the position of the first; 0 before there is one.
        let sequence = Atomic<Int>(0)
        var batch: Unmanaged<ChangeBatch>?
        var record: Int32 = 0
        var count: Int32 = 0
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
    /// The first record of the slot at the head that was not popped, and how many there are.
    @exclusivity(unchecked) private var opened: (next: Popped, count: Int32)?
    private let beforeDrops = Padding()
    private let droppedCount = Atomic<UInt64>(0)
    private let droppedThrough = Atomic<Revision>(0)
    private let afterDrops = Padding()

    /// A queue for `capacity` updates, one of ``WatchConfig/sizes``.
    init(capacity: Int) {
        self.capacity = capacity
        // A power of two, since to divide would be a third of what a push costs.
        ring = 1 << (Int.bitWidth - (capacity - 1).leadingZeroBitCount)
        slots = .allocate(capacity: ring)
        for position in 0..<ring { (slots + position).initialize(to: Slot()) }
    }

    deinit {
        while let popped = pop() { popped.release() }
        slots.deinitialize(count: ring)
        slots.deallocate()
    }

    private func slot(at position: Int) -> UnsafeMutablePointer<Slot> { slots + (position & (ring - 1)) }

    /// Adds these records of `batch`, as many of them as there is room for, and counts the others as dropped. Returns how many
    /// were added.
    func push(_ batch: consuming ChangeBatch, _ records: Range<Int>) -> Int {
        let last = batch.firstRevision + Int64(records.upperBound) - 1
        // The caller's reference, handed on. It is not touched any more when the consumer has it: to count would take the
        // batch from the consumer's core, and could be too late.
        let reference = Unmanaged.passRetained(consume batch)
        var position = tail.load(ordering: .relaxed)
        while true {
            let count = room(for: records.count, at: position)
            if count == 0 { break }
            let dropped = droppedCount.load(ordering: .relaxed)
            let (isClaimed, current) = tail.weakCompareExchange(
                expected: position, desired: position + count, successOrdering: .sequentiallyConsistent,
                failureOrdering: .relaxed)
            guard isClaimed else {
                position = current
                continue
            }
            prefetchToWrite(self.slot(at: position + Limits.slotsAhead))
            let slot = self.slot(at: position)
            slot.pointee.batch = reference
            slot.pointee.record = Int32(truncatingIfNeeded: records.lowerBound)
            slot.pointee.count = Int32(truncatingIfNeeded: count)
            slot.pointee.droppedBefore = dropped
            slot.pointee.sequence.store(position + 1, ordering: .releasing)
            // Now, since who sees that these were dropped has to find what came before them.
            if count < records.count { drop(records.count - count, through: last) }
            return count
        }
        reference.release()
        if !records.isEmpty { drop(records.count, through: last) }
        return 0
    }

    /// How many of `wanted` positions from `position` on are less than `capacity` ahead of the consumer.
    private func room(for wanted: Int, at position: Int) -> Int {
        if position + wanted - headSeen.load(ordering: .acquiring) <= capacity { return wanted }
        let current = head.load(ordering: .acquiring)
        headSeen.store(current, ordering: .releasing)
        return min(wanted, max(0, current + capacity - position))
    }

    /// A revision, and how many had been dropped before it was added.
    ///
    /// The references to batches are the consumer's, who does not count them: that would be a third of what dispatching takes
    /// if it were done at each step on the way to a watcher. Those that were pushed together have one.
    struct Popped: BitwiseCopyable {
        let batch: Unmanaged<ChangeBatch>
        var record: Int32
        /// Whether it is the last of those that were pushed together.
        var isLast = true
        let droppedBefore: UInt64

        /// To be called when it has been dealt with, of each in the order in which they were popped.
        func release() { if isLast { batch.release() } }
    }

    /// Takes the oldest revision. For the consumer only.
    func pop() -> Popped? {
        let position = head.load(ordering: .relaxed)
        if opened == nil {
            let slot = self.slot(at: position)
            guard slot.pointee.sequence.load(ordering: .acquiring) == position + 1 else { return nil }
            let first = Popped(
                batch: slot.pointee.batch!, record: slot.pointee.record, droppedBefore: slot.pointee.droppedBefore)
            opened = (first, slot.pointee.count)
        }
        var (popped, count) = opened!
        popped.isLast = count == 1
        if count == 1 {
            opened = nil
        } else {
            opened!.next.record += 1
            opened!.count -= 1
        }
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

    private func drop(_ count: Int, through revision: Revision) {
        if revision > droppedThrough.load(ordering: .relaxed) {
            droppedThrough.max(revision, ordering: .acquiringAndReleasing)
        }
        droppedCount.add(UInt64(count), ordering: .sequentiallyConsistent)
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
