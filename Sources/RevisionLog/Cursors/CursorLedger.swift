package import Changes
import LMDB
import Threads

/// The thread that writes to LMDB for a ledger: the checkpointer's, or in a process that follows one of its own.
protocol CursorWriter: AnyObject, Sendable {
    /// Something was acknowledged, to be written soon.
    func acknowledged()
    /// Runs `body` on that thread and passes on what it returns or throws.
    func write<R: Sendable>(
        _ body: @escaping @Sendable (Environment) throws -> R,
        completion: @escaping @Sendable (Result<R, StoreError>) -> Void)
}

/// The cursors that watches of this process use. Acknowledgements gather here, only the newest of each cursor, until
/// the writer takes them along in a transaction.
package final class CursorLedger: Sendable {
    private struct Entry {
        var session: CursorSession?
        /// Whether a watch uses it, or is about to; else it only waits to be written.
        var isOpen: Bool
    }

    private struct State {
        var entries: [String: Entry] = [:]
        var writer: (any CursorWriter)?
        /// When the watches were last asked for their progress.
        var asked: ContinuousClock.Instant?
    }

    private let state = Lock(State())
    let reader: LogReader
    private let interval: Duration

    init(reader: LogReader, interval: Duration) {
        self.reader = reader
        self.interval = interval
    }

    var head: Revision { reader.head }

    func attach(_ writer: any CursorWriter) {
        state.withLock { $0.writer = writer }
    }

    /// Nothing can be acknowledged durably any more; what waits was written before, if the thread could.
    func detach() {
        let entries = state.withLock { state in
            state.writer = nil
            defer { state.entries = [:] }
            return state.entries.values.compactMap(\.session)
        }
        for session in entries { session.forgetObservers() }
    }

    // MARK: Sessions

    /// Takes the cursor `name` for a watch. If it does not exist, `first` says how far it is acknowledged at its
    /// creation, which is written when the session is first acknowledged or told to create it.
    ///
    /// - Throws: `.cursorInUse`, `.cursorFailed`; `.readOnly` if nothing can be acknowledged here.
    package func open(
        _ name: String, hold: CursorHold?, first: () -> Revision
    ) throws -> (session: CursorSession, isNew: Bool) {
        try requireWritable()
        let waiting: CursorSession? = try state.withLock { state throws(StoreError) in
            let entry = state.entries[name]
            if entry?.isOpen == true { throw .cursor(.cursorInUse, name) }
            state.entries[name] = Entry(session: entry?.session, isOpen: true)
            return entry?.session
        }
        do {
            let (session, isNew) = try join(name, waiting, hold, first)
            state.withLock { $0.entries[name] = Entry(session: session, isOpen: true) }
            return (session, isNew)
        } catch {
            state.withLock { state in
                let session = state.entries[name]?.session
                state.entries[name] = session.map { Entry(session: $0, isOpen: false) }
            }
            throw error
        }
    }

    /// Goes on with what an earlier watch of this process has left unwritten, or with what is stored.
    private func join(
        _ name: String, _ waiting: CursorSession?, _ hold: CursorHold?, _ first: () -> Revision
    ) throws -> (CursorSession, isNew: Bool) {
        // Asked in this order: what is no longer to be made is stored.
        let isOnItsWay = waiting.map { !$0.isCreated } ?? false
        let stored = try reader.cursorEntry(name)
        if stored?.isFailed == true { throw StoreError.cursor(.cursorFailed, name) }
        if let waiting, waiting.failure == nil {
            if let stored, stored.generation == waiting.generation {
                waiting.adopt(stored.acknowledged)
                return (waiting, false)
            }
            if stored == nil, isOnItsWay { return (waiting, false) }
        }
        let entry =
            stored
            ?? CursorEntry(
                acknowledged: first(), generation: .random(in: 1 ... .max), movedMilliseconds: 0, hold: hold)
        let session = CursorSession(name, entry, isNew: stored == nil) { [weak self] in
            self?.state.withLock { $0.writer }?.acknowledged()
        }
        return (session, stored == nil)
    }

    /// The watch has ended. What it has acknowledged is still written.
    package func close(_ session: CursorSession) {
        session.forgetObservers()
        state.withLock { state in
            guard state.entries[session.name]?.session === session else { return }
            state.entries[session.name] = session.isUnwritten ? Entry(session: session, isOpen: false) : nil
        }
    }

    /// How far `name` is acknowledged here, if that is not known to be written.
    func unwritten(_ name: String, generation: UInt64) -> Revision? {
        guard let session = state.withLock({ $0.entries[name]?.session }), session.generation == generation else {
            return nil
        }
        return session.acknowledged
    }

    /// Has every watch that is behind asked for its progress, at most once in the interval: the cursor of a quiet key
    /// moves on with it, and holds no history that nobody needs.
    func askForProgress() {
        let now = ContinuousClock.now
        let head = reader.head
        let sessions: [CursorSession] = state.withLock { state in
            guard !state.entries.isEmpty, state.asked.map({ now - $0 >= interval }) ?? true else { return [] }
            state.asked = now
            return state.entries.values.filter(\.isOpen).compactMap(\.session)
        }
        for session in sessions where session.acknowledged < head { session.askForProgress() }
    }

    // MARK: Durability

    /// Calls `completion` when everything that was acknowledged is durable.
    package func flush(_ session: CursorSession, completion: @escaping @Sendable (Result<Void, StoreError>) -> Void) {
        perform(
            { ledger, environment in
                try ledger.write(environment)
                if let failure = session.failure { throw failure }
            }, completion: completion)
    }

    /// Runs `body` on the writing thread.
    func perform<R: Sendable>(
        _ body: @escaping @Sendable (CursorLedger, Environment) throws -> R,
        completion: @escaping @Sendable (Result<R, StoreError>) -> Void
    ) {
        guard let writer = state.withLock({ $0.writer }) else {
            completion(.failure(StoreError(.closed, "the store is closed")))
            return
        }
        writer.write({ [self] in try body(self, $0) }, completion: completion)
    }

    func requireWritable() throws(StoreError) {
        if reader.environment.isReadOnly {
            throw StoreError(
                .readOnly,
                "a cursor cannot be written here: this user may not write the store's files, only read them")
        }
        if reader.databases.cursors == nil {
            throw StoreError(
                .readOnly,
                "the store has an older format, without cursors; open it for writing once, which brings it up to date")
        }
        if state.withLock({ $0.writer == nil }) { throw StoreError(.closed, "the store is closed") }
    }

    // MARK: On the writing thread

    /// Writes what waits, in a transaction of its own if anything does.
    func write(_ environment: Environment) throws {
        let writes = take()
        guard !writes.isEmpty else { return }
        try finishing(writes) {
            try storeErrors { try environment.withWrite { ((), try write(writes, $0)) } }
        }
    }

    /// What waits to be written: to be passed to `finishing`.
    func take() -> [CursorSession] {
        state.withLock { $0.entries.values.compactMap(\.session) }.filter { $0.takePending() }
    }

    /// What is to become of the sessions if the transaction commits: an error for those that are refused.
    typealias Outcomes = [(session: CursorSession, error: StoreError?)]

    /// Runs `body`, a transaction that writes `writes`. If it fails they wait for the next one.
    func finishing<R>(_ writes: [CursorSession], _ body: () throws -> (R, Outcomes)) throws -> R {
        let (result, outcomes): (R, Outcomes)
        do {
            (result, outcomes) = try body()
        } catch {
            for session in writes {
                session.written(isStored: false)
                session.create()
            }
            throw error
        }
        if !writes.isEmpty { Failpoint.reach(.cursorCommitted) }
        for (session, error) in outcomes {
            session.written(isStored: error == nil)
            if let error { session.fail(error) }
        }
        state.withLock { state in
            for (session, error) in outcomes where state.entries[session.name]?.session === session {
                guard let entry = state.entries[session.name] else { continue }
                if entry.isOpen ? error != nil : !session.isUnwritten { state.entries[session.name] = nil }
            }
        }
        return result
    }

    /// Puts what is acknowledged into `transaction`.
    func write(_ writes: [CursorSession], _ transaction: borrowing WriteTransaction) throws -> Outcomes {
        guard let database = reader.databases.cursors else { return [] }
        let milliseconds = wallClockMilliseconds()
        var outcomes: Outcomes = []
        for session in writes {
            let name = Array(session.name.utf8)
            let step: CursorStep
            do {
                let stored = try transaction.cursorEntry(name, database)
                if stored == nil { try transaction.requireRoom(database) }
                step = CursorStep(
                    stored: stored, created: session.created, generation: session.generation,
                    acknowledged: session.acknowledged, milliseconds: milliseconds)
            } catch let error as StoreError {
                // A cursor that cannot be read is its watch's problem, and not that of the checkpoint.
                outcomes.append((session, error))
                continue
            }
            switch step {
            case .put(let entry):
                try transaction.put(entry, name, database)
                outcomes.append((session, nil))
            case .keep: outcomes.append((session, nil))
            case .refuse(let code): outcomes.append((session, .cursor(code, session.name)))
            }
        }
        if !writes.isEmpty { Failpoint.reach(.cursorWritten) }
        return outcomes
    }

    /// Ends the watches of this process whose cursors were marked as failed.
    func endFailed() {
        for name in state.withLock({ Array($0.entries.keys) }) {
            guard let entry = try? reader.cursorEntry(name), entry.isFailed else { continue }
            changed(name, .cursorFailed)
        }
    }

    /// A cursor was set or removed here: its watch ends.
    func changed(_ name: String, _ code: StoreError.Code) {
        let session = state.withLock { $0.entries.removeValue(forKey: name)?.session }
        session?.fail(.cursor(code, name))
    }
}
