import CLMDB
import Synchronization
import Threads

/// Sees to it that LMDB, which trusts its pages, is let onto none that have not been verified, where that takes no time
/// that anyone would notice; and that opening takes the same time whatever the size.
///
/// Opening verifies the small databases, ``Limits/readsAtOpening`` reads' worth. The first use of another, or the first
/// change, which takes free pages, verifies everything, if ``Limits/readsBeforeUse`` are enough; of a larger file nothing
/// more is verified before ``Environment/verifyPages()`` is called.
final class Verification: Sendable {
    private enum State {
        /// Only `small` may be read.
        case partial(small: Set<String>, misses: Int)
        case damaged(LMDBError)
        case done
    }

    private let path: String
    private let state: Lock<State>
    /// Whether nothing is left to do; what every read looks at first.
    private let isDone: Atomic<Bool>

    /// Verifies the small databases of the last commit.
    /// - Throws: `corrupted`.
    init(_ path: String) throws(LMDBError) {
        self.path = path
        let found = try Self.survey(path)
        state = Lock(found.map { .partial(small: $0, misses: 0) } ?? .done)
        isDone = Atomic(found == nil)
    }

    /// Which databases are verified now; nil if everything is.
    private static func survey(_ path: String) throws(LMDBError) -> Set<String>? {
        for attempt in 1...Limits.inspections {
            guard let file = try DataFile(directory: path) else { return nil }
            let meta = try file.meta()
            do throws(LMDBError) {
                var walk = try PageWalk(file, meta, limit: Limits.readsAtOpening)
                let (small, isAll) = try walk.runFew()
                return isAll ? nil : small
            } catch {
                // Its pages may have been written anew by another process: then it has committed, twice.
                if attempt == Limits.inspections { throw error }
            }
        }
        return []
    }

    /// Returns when `database` may be read by `transaction`, which may be a writing one.
    /// - Throws: `corrupted`, now and for every later use.
    @inline(__always)
    func admit(_ database: Database, _ transaction: OpaquePointer, writing: Bool) throws(LMDBError) {
        if !isDone.load(ordering: .acquiring) { try verify(database.name, transaction, writing: writing) }
    }

    /// Returns when `transaction` may read every page, and change any.
    @inline(__always)
    func admitAll(_ transaction: OpaquePointer, writing: Bool) throws(LMDBError) {
        if !isDone.load(ordering: .acquiring) { try verify(nil, transaction, writing: writing) }
    }

    private func verify(_ name: String?, _ transaction: OpaquePointer, writing: Bool) throws(LMDBError) {
        // Who writes sees the last commit until its first change, which comes here before it is made.
        let commit = mdb_txn_id(transaction) - (writing ? 1 : 0)
        // Held for the some ten milliseconds that it takes, once: whoever comes meanwhile has to wait for its end anyway.
        try state.withLock { state throws(LMDBError) in
            switch state {
            case .done: return
            case .damaged(let error): throw error
            case .partial(let small, let misses):
                if let name, small.contains(name) { return }
                do throws(LMDBError) {
                    if try !Self.verifyAll(path, commit: commit), misses + 1 < Limits.inspections {
                        state = .partial(small: small, misses: misses + 1)
                        return
                    }
                } catch {
                    if error.code == MDB_CORRUPTED { state = .damaged(error) }
                    throw error
                }
                state = .done
                isDone.store(true, ordering: .releasing)
            }
        }
    }

    /// Verifies all that the transaction of that number sees, whose pages nobody reuses while it lasts. False if its header
    /// is gone already, as after two more commits by another process.
    private static func verifyAll(_ path: String, commit: Int) throws(LMDBError) -> Bool {
        guard let file = try DataFile(directory: path) else { return false }
        guard let meta = try file.metas().first(where: { $0.transaction == commit }) else { return false }
        var walk = try PageWalk(file, meta, limit: Limits.readsBeforeUse)
        do throws(LMDBError) {
            _ = try walk.run()
        } catch {
            if error.code != LMDBError.tooMuch { throw error }
        }
        return true
    }
}
