public import Changes
public import RevisionLog
import Threads

extension WatchStore {
    /// Writes everything that was acknowledged before the call, and its retained history, into one file, while writes,
    /// reads and compactions go on. Works for a process that only reads, too.
    ///
    /// ```swift
    /// let report = try await store.backup(to: "backups") { done, total in print(done, "of", total) }
    /// print(report.path, "has revision", report.head)
    /// ```
    ///
    /// The backup is of one revision, which it names. It is written under the name with `.partial` added, read again from
    /// the beginning to the end, and only then given its name, durably.
    ///
    /// All of it is read in one transaction: what is replaced meanwhile stays in the data file, which grows by that
    /// (``BackupReport/grownBytes``).
    ///
    /// - Parameters:
    ///   - path: A file, which must not exist; or a directory, in which the file is named by store and revision.
    ///   - options: How to write it.
    ///   - progress: Called now and then with (entries done, entries in all), on another thread.
    /// - Throws: `.invalidArgument` if the file exists; `.damaged` if something cannot be read as it was written; `.full`,
    ///   `.io` if it cannot be written. Then there is no file.
    @discardableResult
    public func backup(
        to path: String, options: BackupOptions = BackupOptions(),
        progress: (@Sendable (Int64, Int64) -> Void)? = nil
    ) async throws -> BackupReport {
        try requireOpen()
        return try await onThread { [self] in
            try catchUp()
            return try reader.backup(
                to: path, compresses: options.compresses, milliseconds: wallClockMilliseconds(), progress: progress)
        }
    }

    /// Makes a store in the directory at `path`, which must not exist or be empty, of the backup in `file`: with the same
    /// revisions, history and values, and an id of its own. A watch resumes in it from any retained revision.
    ///
    /// Everything is verified, as by ``check(deep:progress:)``, before the directory gets its name.
    ///
    /// - Parameter progress: Called now and then with (bytes done, bytes in all), on another thread.
    /// - Throws: `.invalidArgument` if there is something at `path`; `.notAStore`, `.unsupportedFormat` or `.damaged` for
    ///   what is in the file. Then nothing was made.
    @discardableResult
    public static func restore(
        from file: String, to path: String, progress: (@Sendable (Int64, Int64) -> Void)? = nil
    ) async throws -> BackupReport {
        try await onThread { try Restore.store(from: file, to: path, progress: progress) }
    }

    /// Reads the backup in `file` from the beginning to the end and verifies it, without making a store of it. Parameters
    /// and errors as ``restore(from:to:progress:)``.
    @discardableResult
    public static func verify(
        backup file: String, progress: (@Sendable (Int64, Int64) -> Void)? = nil
    ) async throws -> BackupReport {
        try await onThread { try Restore.verify(file, progress: progress) }
    }

    /// Makes a store in the directory at `newPath`, which must not exist or be empty, of what is intact of the damaged one
    /// at `path`, and says exactly what is lost. The damaged one is only read, and not by way of LMDB, which could crash.
    ///
    /// What is in the new store is as it was: a key whose value cannot be established is left out and reported. The new store
    /// has one run of revisions without a hole, the newest for which the values of the keys are known, and an id of its own;
    /// it passes ``check(deep:progress:)``.
    ///
    /// - Parameters:
    ///   - apart: Called, on another thread, with each revision that is intact and not in the new store, in order.
    ///   - progress: Called now and then with (revisions done, revisions in all), on another thread.
    /// - Throws: `.damaged` if no store can be made; `apart` was called with all that is intact nevertheless.
    ///   `.invalidArgument` if there is something at `newPath`; `.locked` if a process writes the store; `.notAStore` if there
    ///   is nothing at `path`.
    @discardableResult
    public static func recover(
        _ path: String, to newPath: String, apart: (@Sendable (WatchUpdate) throws -> Void)? = nil,
        progress: (@Sendable (Int64, Int64) -> Void)? = nil
    ) async throws -> RecoveryReport {
        try await onThread { try Recovery.store(from: path, to: newPath, apart: apart, progress: progress) }
    }
}
