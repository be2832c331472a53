import Changes
import LMDB

#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

extension LogReader {
    /// Writes everything that is visible now into one file, and reads that again. `target` is the file, or a directory
    /// in which it gets a name of its own. `progress` is called now and then with (entries done, entries in all), of which
    /// each is counted when it is written and when it is read again.
    ///
    /// Everything is read in one transaction, as a check does, so that all parts are of one moment, whatever is compacted
    /// meanwhile. In steps it would need records that a compaction takes away between two of them.
    package func backup(
        to target: String, compresses: Bool, milliseconds: Int64, progress: (@Sendable (Int64, Int64) -> Void)?
    ) throws -> BackupReport {
        // Pages first, as a check does: LMDB trusts them, and could crash on a damaged one.
        do {
            try environment.verifyPages()
        } catch let error as LMDBError where error.code == LMDBError.corrupted {
            throw StoreError(.damaged, "data.mdb: \(error.message); \(StoreError.advice)")
        }
        let usedBefore = try usedBytes()
        let (file, total) = try withView { snapshot, transaction in
            var backup = BackupSource(reader: self, meta: try meta(transaction), snapshot)
            let total = try backup.entries(transaction) * 2
            let file = try BackupFile(creating: backup.path(for: target))
            try backup.write(to: file, compresses: compresses, milliseconds: milliseconds, transaction) {
                progress?($0, total)
            }
            return (file, total)
        }
        let grown = try usedBytes() - usedBefore
        var reader = try BackupReader(file)
        var done = total / 2
        try reader.read { _, slices, _ in
            done += Int64(slices.count)
            progress?(done, total)
        }
        try file.keep()
        var report = BackupReport(file, reader)
        report.grownBytes = grown
        return report
    }

    private func usedBytes() throws -> Int {
        try storeErrors { try environment.info().usedBytes }
    }
}

/// What goes into a backup: LMDB's entries as of a transaction, and on top of them what was committed since.
private struct BackupSource {
    let reader: LogReader
    let meta: Meta
    /// The newest revision, in LMDB or after it.
    let head: Revision
    /// Batches that LMDB does not have. The transaction may be newer than the snapshot, and then it has some of them.
    private var recent: [ChangeBatch] = []
    private var overlay: OverlayRun?
    private var done: Int64 = 0

    init(reader: LogReader, meta: Meta, _ snapshot: LogSnapshot) {
        self.reader = reader
        self.meta = meta
        head = max(snapshot.head, meta.checkpoint)
        var recent: [ChangeBatch] = []
        snapshot.recent.forEach(from: meta.checkpoint + 1) { batch in
            recent.append(batch)
            return true
        }
        self.recent = recent
        overlay = recent.reduce(into: []) { runs, batch in runs = runs.adding(OverlayRun(batch)) }.merged()
    }

    /// About how many entries the backup will have.
    func entries(_ transaction: borrowing ReadTransaction) throws -> Int64 {
        var entries = recent.count
        for database in [reader.databases.log, reader.databases.state.short, reader.databases.base.short] {
            entries += try transaction.entries(database)
        }
        return Int64(entries)
    }

    /// The file that `target` means.
    func path(for target: String) -> String {
        var status = stat()
        guard stat(target, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else { return target }
        return "\(target)/vigil-\(String(meta.storeID, radix: 16))-\(head).backup"
    }

    mutating func write(
        to file: BackupFile, compresses: Bool, milliseconds: Int64, _ transaction: borrowing ReadTransaction,
        progress: (Int64) -> Void
    ) throws {
        let head = BackupFormat.Head(meta, head: head, milliseconds: milliseconds)
        var writer = try BackupWriter(file, head, compresses: compresses)
        try writeDictionaries(&writer, transaction)
        try writeLog(&writer, transaction, progress)
        let moved = try writeState(&writer, transaction, progress)
        try writeBase(&writer, moved, transaction, progress)
        try writeCursors(&writer, transaction)
        try writeLeases(&writer, transaction)
        try writeProperties(&writer, transaction)
        try writer.finish()
    }

    private mutating func count(_ progress: (Int64) -> Void) {
        done += 1
        if done % Limits.progressEntries == 0 { progress(done) }
    }

    private func writeDictionaries(
        _ writer: inout BackupWriter, _ transaction: borrowing ReadTransaction
    ) throws {
        for number in 1...UInt32(Limits.dictionaries) {
            let entries = try transaction.dictionaryEntries(number, reader.databases)
            if entries.isEmpty { continue }
            guard let dictionary = entries.intact else {
                throw StoreError(.damaged, "dictionary \(number) cannot be read; \(StoreError.advice)")
            }
            try dictionary.key.withUnsafeBytes { key in
                try dictionary.encoded().withUnsafeBytes { try writer.add(.dictionaries, key, $0) }
            }
        }
    }

    private mutating func writeLog(
        _ writer: inout BackupWriter, _ transaction: borrowing ReadTransaction, _ progress: (Int64) -> Void
    ) throws {
        var cursor = try transaction.cursor(reader.databases.log)
        var found = try cursor.first()
        while let entry = found {
            try writer.add(.log, entry.key, entry.value)
            count(progress)
            found = try cursor.next()
        }
        var builder = BlockBuilder(firstRevision: meta.checkpoint + 1)
        for batch in recent {
            for record in 0..<batch.recordCount {
                if builder.isFull {
                    try add(builder, to: &writer)
                    builder = BlockBuilder(firstRevision: batch.firstRevision + Int64(record))
                }
                builder.append(batch, record: record)
            }
        }
        if !builder.isEmpty { try add(builder, to: &writer) }
    }

    private func add(_ builder: BlockBuilder, to writer: inout BackupWriter) throws {
        try withUnsafeBytes(of: builder.firstRevision.bigEndian) { key in
            try builder.finish().bytes.withUnsafeBytes { try writer.add(.log, key, $0) }
        }
    }

    /// Returns the keys whose entry of LMDB's `state` belongs into `base`, since the log does not have it and the
    /// overlay has a newer one. In order.
    private mutating func writeState(
        _ writer: inout BackupWriter, _ transaction: borrowing ReadTransaction, _ progress: (Int64) -> Void
    ) throws -> [Bytes] {
        var moved: [Bytes] = []
        var position = 0
        let count = overlay?.entries.count ?? 0
        var cursor = try transaction.cursor(reader.databases.state)
        var found = try cursor.first()
        while found != nil || position < count {
            let recent = position < count ? overlay!.key(position) : nil
            let order = Self.order(recent, found?.key)
            if let recent, order <= 0 {
                try recent.withUnsafeBytes { key in
                    let version = overlay!.version(position).encoded(key: recent)
                    try version.withUnsafeBytes { try writer.add(.state, key, $0) }
                }
                position += 1
            }
            if let entry = found, order >= 0 {
                if order > 0 {
                    try writer.add(.state, entry.key, entry.value)
                } else if try belongsIntoBase(entry, transaction) {
                    moved.append(recent!)
                }
                found = try cursor.next()
            }
            self.count(progress)
        }
        return moved
    }

    private func belongsIntoBase(_ entry: KeyEntry, _ transaction: borrowing ReadTransaction) throws -> Bool {
        let version = try reader.decode(
            entry.value, key: entry.key, reader.databases.state, numbersOnly: true, transaction)
        return version.type == .put && version.modRevision < meta.dropped
    }

    private mutating func writeBase(
        _ writer: inout BackupWriter, _ moved: [Bytes], _ transaction: borrowing ReadTransaction,
        _ progress: (Int64) -> Void
    ) throws {
        var moved = moved[...]
        var cursor = try transaction.cursor(reader.databases.base)
        var found = try cursor.first()
        while found != nil || !moved.isEmpty {
            // No key is in both: what is in `base` was changed since the log begins, what is moved was not.
            if let key = moved.first, Self.order(key, found?.key) < 0 {
                try key.withUnsafeBytes { bytes in
                    guard let value = try transaction.get(reader.databases.state, bytes) else { return }
                    try writer.add(.base, bytes, value)
                }
                moved = moved.dropFirst()
            } else if let entry = found {
                try writer.add(.base, entry.key, entry.value)
                found = try cursor.next()
            }
            count(progress)
        }
    }

    /// One that is damaged is left out: where it stood is not known. One that has acknowledged what was committed after
    /// the backup began is taken back, as others will get the numbers of these revisions.
    private func writeCursors(_ writer: inout BackupWriter, _ transaction: borrowing ReadTransaction) throws {
        guard let database = reader.databases.cursors else { return }
        try transaction.forEachCursor(database) { name, entry in
            let key = Array(name.utf8)
            guard var entry else { return }
            entry.acknowledged = min(entry.acknowledged, head)
            let value = entry.encoded(name: key)
            try key.withUnsafeBytes { key in try value.withUnsafeBytes { try writer.add(.cursors, key, $0) } }
        }
    }

    private func writeLeases(_ writer: inout BackupWriter, _ transaction: borrowing ReadTransaction) throws {
        guard let database = reader.databases.leases else { return }
        try transaction.forEachLease(database) { id, entry in
            guard let entry else { throw StoreError(.damaged, "lease \(id) cannot be read; \(StoreError.advice)") }
            try withUnsafeBytes(of: id.bigEndian) { key in
                try entry.encoded(id: key).withUnsafeBytes { try writer.add(.leases, key, $0) }
            }
        }
    }

    private func writeProperties(_ writer: inout BackupWriter, _ transaction: borrowing ReadTransaction) throws {
        guard let database = reader.databases.properties else { return }
        var cursor = try transaction.cursor(database)
        var found = try cursor.first()
        while let here = found {
            _ = try Property.value(here.value, here.key)
            try writer.add(.properties, here.key, here.value)
            found = try cursor.next()
        }
    }

    /// Which comes first, a missing key being after all others.
    private static func order(_ a: Bytes?, _ b: UnsafeRawBufferPointer?) -> Int {
        guard let a else { return 1 }
        guard let b else { return -1 }
        return a.withUnsafeBytes { compareBytes($0, b) }
    }
}
