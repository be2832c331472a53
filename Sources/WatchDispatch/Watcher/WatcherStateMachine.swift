import Changes

/// What waits for the reader of one watcher, and whether more may come. Pure: the dispatcher's offers and the reader's
/// questions go in, signals come out.
///
///     idle ──join──▶ live ──overflow──▶ parked ──(told to the reader)──▶ idle
///                     └──overflow──▶ overflowed ──(told)──▶ ended
///
/// A reader that cannot go on parks itself, so as not to hold what waits.
///
/// When the dispatcher finishes, idle and live are ended, and parked becomes so once it was told.
///
/// `joined` and `progress` have places of their own beside the buffer, and a gap is attached to the update that it
/// precedes, so a buffer of one update is enough for every policy.
///
/// What waits is kept in 16 bytes each, since a fan-out writes one for every watcher: what all have in common, the
/// filter, is added when it is read, and the gaps, which are rare, have a ring of their own.
struct WatcherStateMachine: ~Copyable, Sendable {
    struct Gap: Sendable {
        var from: Revision
        var through: Revision
    }

    fileprivate struct Item: Sendable {
        var batch: ChangeBatch
        var record: Int32
        /// Whether something was lost between the item before and this one: the first of `gaps`, when this is first.
        var isAfterGap: Bool

        var revision: Revision { batch.firstRevision + Int64(record) }
    }

    private enum Phase: Sendable {
        case idle
        case live
        case parked(Revision)
        case overflowed(Revision)
        case ended
    }

    /// What became of an offer.
    enum Offer: Sendable {
        case stored
        /// It was lost, as the policy wants.
        case dropped
        /// The watcher takes no more: the dispatcher stops routing to it.
        case refused
    }

    // What an offer touches comes first, to lie in one line of the cache.
    private var phase = Phase.idle
    private var buffer: Ring<Item>
    /// What was lost after the last item.
    private var gap: Gap?
    private let policy: OverflowPolicy
    private let filter: WatchFilter?
    private var gaps: Ring<Gap>
    private var joined: Revision?
    private var progress: Revision?
    private var isFinished = false

    /// - Parameter filter: Through which the reader sees every update; nil for whole ones.
    init(policy: OverflowPolicy, capacity: Int, filter: WatchFilter? = nil) {
        self.policy = policy
        buffer = Ring(capacity: capacity)
        gaps = Ring(capacity: capacity)
        self.filter = filter
    }

    // MARK: What the dispatcher does

    /// Routing begins; everything up to `revision` was routed before.
    mutating func join(through revision: Revision) {
        guard case .idle = phase else { return }
        phase = .live
        joined = revision
    }

    @inline(__always)
    mutating func offer(_ batch: consuming ChangeBatch, _ record: Int32) -> Offer {
        guard case .live = phase else { return .refused }
        guard buffer.isFull else {
            // Read before it is written, which it almost never is: a store would touch one more line of the cache.
            let isAfterGap = gap != nil
            if isAfterGap, let lost = gap.take() { gaps.append(lost) }
            buffer.append(Item(batch: consume batch, record: record, isAfterGap: isAfterGap))
            return .stored
        }
        return refuse(batch.firstRevision + Int64(record))
    }

    @inline(never)
    private mutating func refuse(_ revision: Revision) -> Offer {
        lose(Gap(from: revision, through: revision))
    }

    /// Where the next offer will be stored: an address to be fetched, that may be good for nothing any more by then.
    var nextPlace: UnsafeRawPointer? { buffer.next }

    /// Updates of these revisions may have been for this watcher, and cannot be had.
    mutating func lose(_ lost: Gap) -> Offer {
        guard case .live = phase else { return .refused }
        switch policy {
        case .drop:
            gap = Gap(from: gap?.from ?? lost.from, through: lost.through)
            return .dropped
        case .park: phase = .parked(lost.from)
        case .cancel: phase = .overflowed(lost.from)
        }
        return .refused
    }

    /// Everything up to `revision` was offered.
    mutating func advance(through revision: Revision) {
        if case .live = phase { progress = revision }
    }

    /// Nothing more will come; what waits can still be read, and so can the news that something was missed.
    mutating func finish() {
        isFinished = true
        switch phase {
        case .idle, .live, .ended: phase = .ended
        case .parked, .overflowed: break
        }
    }

    // MARK: What the reader does

    /// What waited and will not be read, for the caller to let go of: that may be much, and take its time.
    struct Leftover: ~Copyable {
        private let updates: Ring<Item>

        fileprivate init(_ updates: consuming Ring<Item>) { self.updates = updates }
    }

    /// Gives away what waits: with the policy `park` the reader reads it from elsewhere. Nil if there was nothing.
    mutating func park() -> Leftover? {
        guard policy == .park, case .live = phase, buffer.count > 0 else { return nil }
        let first = firstWaiting
        phase = .parked(first)
        // It said that these were offered, and they are not to be read here any more.
        if let revision = progress, revision >= first { progress = nil }
        return takeBuffer()
    }

    /// Nothing more is wanted, not even what waits.
    mutating func cancel() -> Leftover {
        phase = .ended
        gaps = Ring(capacity: gaps.capacity)
        joined = nil
        progress = nil
        gap = nil
        return takeBuffer()
    }

    private mutating func takeBuffer() -> Leftover {
        var taken = Ring<Item>(capacity: buffer.capacity)
        swap(&taken, &buffer)
        return Leftover(taken)
    }

    /// The next signal, or nil if there is none yet.
    mutating func next() -> WatcherSignal? {
        if let revision = joined.take() { return .joined(through: revision) }
        if let revision = progress, revision < firstWaiting {
            progress = nil
            return .progress(revision)
        }
        if buffer.first?.isAfterGap == true, let gap = gaps.popFirst() {
            buffer.first!.isAfterGap = false
            return .gap(from: gap.from, through: gap.through)
        }
        if let item = buffer.popFirst() {
            return .update(item.batch.update(ofRecord: Int(item.record), through: filter))
        }
        if let gap = gap.take() { return .gap(from: gap.from, through: gap.through) }
        switch phase {
        case .idle, .live: return nil
        case .parked(let revision):
            phase = isFinished ? .ended : .idle
            progress = nil
            return .parked(from: revision)
        case .overflowed(let revision):
            phase = .ended
            return .overflowed(from: revision)
        case .ended: return .ended
        }
    }

    /// Whether ``next()`` has something.
    var hasSignal: Bool {
        if joined != nil || buffer.count > 0 || gap != nil { return true }
        switch phase {
        case .idle, .live: return progress != nil
        case .parked, .overflowed, .ended: return true
        }
    }

    /// The first revision that waits to be read or is known to be lost.
    private var firstWaiting: Revision {
        if let item = buffer.first { return item.isAfterGap ? gaps.first!.from : item.revision }
        return gap?.from ?? .max
    }
}
