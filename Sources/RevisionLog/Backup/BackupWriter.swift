import Changes

/// Writes the chunks of a backup.
struct BackupWriter {
    private let file: BackupFile
    private let compresses: Bool
    private var checksum: UInt32
    private var kind = BackupFormat.Kind.log
    private var payload: [UInt8] = []
    private var entries = 0
    private(set) var counts = BackupCounts()

    /// Begins the backup with its head.
    init(_ file: BackupFile, _ head: BackupFormat.Head, compresses: Bool) throws(StoreError) {
        self.file = file
        self.compresses = compresses
        let (bytes, checksum) = head.upgraded.encoded()
        self.checksum = checksum
        try file.append(bytes)
    }

    /// Adds the next entry of `kind`.
    mutating func add(
        _ kind: BackupFormat.Kind, _ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer
    ) throws(StoreError) {
        if kind != self.kind { try close() }
        self.kind = kind
        payload.appendVarint(UInt64(key.count))
        payload.append(contentsOf: key)
        payload.appendVarint(UInt64(value.count))
        payload.append(contentsOf: value)
        entries += 1
        counts.add(kind)
        if payload.count >= Limits.backupChunkBytes { try close() }
    }

    /// Writes what is left, and the end.
    mutating func finish() throws(StoreError) {
        try close()
        kind = .end
        for count in counts.numbers { payload.appendLittleEndian(count) }
        try write()
        try file.flush()
    }

    private mutating func close() throws(StoreError) {
        if entries > 0 { try write() }
    }

    private mutating func write() throws(StoreError) {
        let packs = compresses && (kind == .state || kind == .base)
        let compressed = packs ? payload.withUnsafeBytes { Compression.compress($0) } : nil
        let stored = compressed ?? payload
        var chunk: [UInt8] = [kind.rawValue, compressed == nil ? 0 : 1, 0, 0]
        chunk.reserveCapacity(BackupFormat.chunkHeadBytes + stored.count)
        for number in [entries, payload.count, stored.count] { chunk.appendLittleEndian(UInt32(number)) }
        checksum = chunk.withUnsafeBytes { head in
            stored.withUnsafeBytes { BackupFormat.checksum(after: checksum, head, $0) }
        }
        chunk.appendLittleEndian(checksum)
        chunk += stored
        try file.append(chunk)
        payload.removeAll(keepingCapacity: true)
        entries = 0
    }
}

/// How many entries a backup has.
struct BackupCounts: Equatable {
    var log: Int64 = 0
    var state: Int64 = 0
    var base: Int64 = 0
    var cursors: Int64 = 0
    var leases: Int64 = 0
    var properties: Int64 = 0
    var dictionaries: Int64 = 0

    /// As they stand at the end of a backup.
    var numbers: [Int64] { [log, state, base, cursors, leases, properties, dictionaries] }

    mutating func add(_ kind: BackupFormat.Kind) {
        switch kind {
        case .log: log += 1
        case .state: state += 1
        case .base: base += 1
        case .cursors: cursors += 1
        case .leases: leases += 1
        case .properties: properties += 1
        case .dictionaries: dictionaries += 1
        case .end: break
        }
    }
}
