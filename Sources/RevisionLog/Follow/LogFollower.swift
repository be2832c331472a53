package import Changes
import LMDB
import Threads

/// Reads a store beside the process that writes it, and follows its commits: a thread waits for the head to move, takes
/// the new frames out of the journal and makes them visible here.
package final class LogFollower: Sendable {
    package let reader: LogReader
    /// The cursors that watches of this process use.
    package let cursors: CursorLedger
    private let cursorThread: CursorThread
    private let directory: String
    private let watcher: HeadWatcher
    private let isStopping = Monitor(false)
    private let thread = Monitor<OSThread?>(nil)
    /// Looks at the head so far, and whether it goes on.
    private let rounds = Monitor((count: 0, isOver: false))
    /// The position at which the thread begins; taken when it starts.
    private let start: Monitor<Follow?>

    /// Opens the store in the directory at `path` for reading.
    package init(path: String, options: LogOptions = LogOptions()) throws {
        try StoreDirectory.require(path)
        directory = path
        let lock = try LockFile(directory: path)
        watcher = try HeadWatcher(directory: path)
        let store = try storeErrors { try StoreDirectory.openReadOnly(path, options: options) }
        let tag = UInt32(truncatingIfNeeded: store.meta.storeID)
        let state = LogState(
            LogSnapshot(
                head: store.meta.checkpoint, checkpoint: store.meta.checkpoint, compacted: store.meta.compacted))
        reader = LogReader(
            environment: store.environment, databases: store.databases, state: state, storeID: store.meta.storeID)
        cursors = CursorLedger(reader: reader, interval: options.cursorInterval)
        cursorThread = CursorThread(store.environment, cursors, interval: options.cursorInterval)
        let journal = try JournalReader(directory: path, storeTag: tag)
        var follow = Follow(reader: reader, journal: journal, lock: lock, format: store.meta.format)
        try follow.begin()
        start = Monitor(follow)
        cursors.attach(cursorThread)
    }

    /// Starts to follow: `committed` is called, on the follower's thread, with each batch that became visible, and
    /// `ended` if following fails.
    package func start(
        committed: @escaping @Sendable (ChangeBatch) -> Void, ended: @escaping @Sendable (StoreError) -> Void
    ) {
        guard let beginning = start.withLock({ $0.take() }) else { return }
        let started = OSThread { [watcher, isStopping, cursors, rounds] in
            var follow = beginning
            defer { rounds.notify { $0.isOver = true } }
            do {
                while !isStopping.withLock({ $0 }) {
                    for batch in try follow.advance() { committed(batch) }
                    cursors.askForProgress()
                    rounds.notify { $0.count += 1 }
                    watcher.wait(milliseconds: Limits.followMilliseconds)
                }
            } catch {
                ended(StoreError(wrapping: error))
            }
        }
        thread.withLock { $0 = started }
    }

    /// Returns when everything is visible here that the writer had made visible before the call, or the follower has
    /// ended. Blocks.
    package func catchUp() throws {
        let head = try LockFile(directory: directory).head
        // A loss of power may have taken what the head names. Then nothing moves, however often the thread looks.
        var idle = 0
        while reader.head < head, idle < Limits.followAttempts {
            let before = (head: reader.head, round: rounds.withLock { $0.count })
            watcher.wake()
            let isOver = rounds.wait { $0.isOver ? true : $0.count > before.round ? false : nil }!
            if isOver { return }
            idle = reader.head == before.head ? idle + 1 : 0
        }
    }

    /// Sizes and positions, the journal's included.
    package func statistics() throws -> StoreStatistics {
        var statistics = try reader.statistics()
        let segments = try JournalScan.open(directory, readOnly: true)
        statistics.journalSegments = segments.count
        statistics.journalBytes = segments.reduce(0) { $0 + $1.length }
        return statistics
    }

    /// Ends the thread. Blocks.
    package func close() {
        isStopping.withLock { $0 = true }
        watcher.wake()
        thread.withLock { $0 }?.join()
        cursorThread.stop()
        cursors.detach()
        reader.environment.close()
    }
}

/// A follower's position, and how it moves.
private struct Follow: Sendable {
    let reader: LogReader
    var journal: JournalReader
    let lock: LockFile
    /// That of the store when it was opened.
    let format: UInt32
    /// The writer that noted a head of which a loss of power has left less.
    private var lostWriter: UInt64?

    init(reader: LogReader, journal: JournalReader, lock: LockFile, format: UInt32) {
        self.reader = reader
        self.journal = journal
        self.lock = lock
        self.format = format
    }

    /// Takes over everything that is visible now.
    mutating func begin() throws {
        // Without a writer the journal itself says what the head is. It is flushed first: the writer may have died
        // between a write and its flush, and nothing may be seen that can still be lost.
        if try !loadUnwritten() { try catchUp(through: lock.head) }
    }

    /// Makes visible what was committed since, and returns it.
    mutating func advance() throws -> [ChangeBatch] {
        let head = lock.head
        guard head > reader.state.head else {
            if lock.isRemoved { throw StoreError(.notAStore, "the store was removed while this process followed it") }
            return []
        }
        let meta = try meta()
        if meta.checkpoint > reader.state.snapshot.checkpoint { reader.cache.rest() }
        reader.state.advance(checkpoint: meta.checkpoint, compacted: meta.compacted)
        if lostWriter == lock.writer, lock.whileUnwritten({ true }) == true { return [] }
        lostWriter = nil
        var batches: [ChangeBatch] = []
        while reader.state.head < head, batches.count < Limits.followedFrames {
            guard let batch = try journal.next(reader.state.head + 1) else {
                let before = reader.state.head
                try catchUp(through: head)
                if reader.state.head == before { break }
                // What came by way of LMDB is announced by its last batch; who misses the others reads the log.
                let newest = reader.state.head
                if let last = try reader.withView({ try reader.batch(of: newest, $0, $1) }) { batches.append(last) }
                break
            }
            guard batch.lastRevision <= head else { break }
            reader.state.append(batch)
            batches.append(batch)
        }
        return batches
    }

    /// What LMDB says of itself. A newer format may keep things in databases that this process has not opened.
    private func meta() throws -> Meta {
        let meta = try reader.withView { try reader.meta($1) }
        guard meta.format == format else {
            throw StoreError(
                .unsupportedFormat,
                "another process has changed the store from format version \(format) to \(meta.format) while this one had "
                    + "it open for reading; open it again")
        }
        return meta
    }

    /// Reads anew what LMDB and the journal have, until that reaches `head`. Frames vanish from the journal when LMDB
    /// has their revisions, so one of the two has each; only not always at the moment when it is looked at.
    private mutating func catchUp(through head: Revision) throws {
        for _ in 0..<Limits.followAttempts {
            try load(through: head, isLive: true)
            if reader.state.head >= head { return }
            // The head is not flushed together with the journal. After a loss of power it may name what is gone, until
            // somebody writes again.
            let writer = lock.writer
            if try loadUnwritten() {
                if reader.state.head < head { lostWriter = writer }
                return
            }
        }
        throw StoreError(
            .damaged,
            "revision \(reader.state.head + 1) is visible in another process, "
                + "but neither the log nor the journal has it")
    }

    /// Takes over everything that there is, if no process writes the store.
    private mutating func loadUnwritten() throws -> Bool {
        try lock.whileUnwritten {
            try journal.flush()
            try load(through: .max, isLive: false)
            return true
        } ?? false
    }

    private mutating func load(through head: Revision, isLive: Bool) throws {
        let meta = try meta()
        if meta.checkpoint > reader.state.head {
            reader.state.restart(checkpoint: meta.checkpoint, compacted: meta.compacted)
        } else {
            reader.state.advance(checkpoint: meta.checkpoint, compacted: meta.compacted)
        }
        reader.state.append(try journal.scan(after: reader.state.head, through: head, isLive: isLive))
    }
}
