import Changes

/// Reads a backup from its beginning to its end, believing nothing: not only the checksums must hold, but what they cover
/// must be the parts of one store.
struct BackupReader {
    let head: BackupFormat.Head
    private let file: BackupFile
    private var checksum: UInt32
    private var offset = BackupFormat.headBytes
    private(set) var contents: BackupContents

    /// Reads the head.
    init(_ file: BackupFile) throws {
        self.file = file
        let bytes = try file.read(BackupFormat.headBytes, at: 0)
        head = try bytes.withUnsafeBytes { try BackupFormat.Head($0) }
        checksum = head.checksum
        contents = BackupContents(head)
    }

    /// Passes every entry to `body`, a chunk at a time, with how many bytes of the file that makes.
    ///
    /// - Throws: `StoreError` with `.damaged`, naming the place, at what cannot be believed; what came before was passed.
    mutating func read(_ body: ([UInt8], [Slices], Int) throws -> Void) throws {
        while true {
            let start = offset
            do {
                guard let (kind, payload, slices) = try chunk() else { return }
                for slice in slices { try contents.check(kind, payload, slice) }
                try body(payload, slices, offset)
            } catch let error as Malformed {
                throw StoreError(
                    .damaged, "\(file.path), chunk at byte \(start): \(error.reason); use another backup")
            }
        }
    }

    /// Where an entry lies in the payload of its chunk.
    struct Slices {
        var kind: BackupFormat.Kind
        var key: Range<Int>
        var value: Range<Int>
    }

    /// The next chunk; nil after the end.
    private mutating func chunk() throws -> (BackupFormat.Kind, [UInt8], [Slices])? {
        let bytes = try file.read(BackupFormat.chunkHeadBytes, at: offset)
        let head = try bytes.withUnsafeBytes { bytes throws(Malformed) in try BackupFormat.ChunkHead(bytes) }
        guard head.storedLength <= file.length - offset - bytes.count else { throw Malformed("the file ends early") }
        let stored = try file.read(head.storedLength, at: offset + bytes.count)
        let sum = bytes.withUnsafeBytes { bytes in
            stored.withUnsafeBytes {
                BackupFormat.checksum(after: checksum, .init(rebasing: bytes[..<16]), $0)
            }
        }
        guard sum == head.checksum else { throw Malformed("the checksum does not match") }
        checksum = sum
        offset += bytes.count + stored.count
        let payload = try stored.withUnsafeBytes { bytes throws(Malformed) in
            try Compression.expand(bytes, codec: head.codec, rawLength: head.rawLength)
        }
        guard head.kind != .end else {
            try contents.finish(payload)
            guard try isWhole() else { throw Malformed("\(file.length - offset) bytes follow the end") }
            return nil
        }
        return (head.kind, payload, try Self.slices(head, payload))
    }

    /// Whether nothing follows that should not: see BackupFormat.swift.
    private func isWhole() throws(StoreError) -> Bool {
        if offset == file.length { return true }
        let padding = file.length - BackupFormat.digestBytes - offset
        guard (0..<BackupFormat.pageBytes).contains(padding),
            file.length % BackupFormat.pageBytes == BackupFormat.digestBytes
        else { return false }
        return try file.read(padding, at: offset).allSatisfy { $0 == 0 }
    }

    private static func slices(_ head: BackupFormat.ChunkHead, _ payload: [UInt8]) throws(Malformed) -> [Slices] {
        let result: Result<[Slices], Malformed> = payload.withUnsafeBytes { bytes in
            var reader = ByteReader(bytes)
            var slices: [Slices] = []
            do throws(Malformed) {
                while reader.remaining > 0 {
                    let key = try reader.lengthPrefixed()
                    slices.append(Slices(kind: head.kind, key: key, value: try reader.lengthPrefixed()))
                }
                guard slices.count == head.entries else {
                    throw Malformed("has \(slices.count) entries and claims \(head.entries)")
                }
                return .success(slices)
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }
}

/// What the entries of a backup add up to; they must come as the format says.
struct BackupContents {
    private let head: BackupFormat.Head
    /// As the meta entry of a store with these contents.
    private(set) var meta: Meta
    private(set) var counts = BackupCounts()
    private var dictionaries: [ValueDictionary] = []
    private var next: Revision
    private var last: (kind: BackupFormat.Kind, key: [UInt8])?
    private(set) var changes: Int64 = 0

    /// Revisions in the log.
    var revisions: Int64 { next - head.dropped }

    init(_ head: BackupFormat.Head) {
        self.head = head
        meta = Meta(storeID: head.storeID)
        meta.checkpoint = head.head
        meta.compacted = head.compacted
        meta.dropped = head.dropped
        next = head.dropped
    }

    /// Takes the next entry.
    mutating func check(_ kind: BackupFormat.Kind, _ payload: [UInt8], _ slices: BackupReader.Slices) throws {
        let key = Array(payload[slices.key])
        if let last {
            let isInOrder =
                last.kind == kind ? last.key.lexicographicallyPrecedes(key) : last.kind.rawValue < kind.rawValue
            guard isInOrder else { throw Malformed("entries are out of order") }
        }
        last = (kind, key)
        counts.add(kind)
        try key.withUnsafeBytes { key in
            try payload.withUnsafeBytes { bytes in
                let value = UnsafeRawBufferPointer(rebasing: bytes[slices.value])
                switch kind {
                case .dictionaries: dictionaries.append(try ValueDictionary(value, key: key))
                case .log: try checkBlock(key, value)
                case .cursors: _ = try CursorEntry(value, name: key)
                case .leases:
                    guard key.count == 8 else { throw Malformed("lease id of \(key.count) bytes") }
                    _ = try LeaseEntry(value, id: key)
                case .properties:
                    do throws(StoreError) {
                        _ = try Property.value(value, key)
                    } catch {
                        throw Malformed(error.message)
                    }
                case .state, .base, .end: try checkVersion(kind, key, value)
                }
            }
        }
    }

    private mutating func checkBlock(_ key: UnsafeRawBufferPointer, _ bytes: UnsafeRawBufferPointer) throws {
        let first = try Block.firstRevision(key)
        let rawLength = try Block.header(bytes).rawLength
        let block = try Block.decode(bytes, firstRevision: first)
        let fits = counts.log == 1 ? first <= next && next <= block.lastRevision : first == next
        guard fits, block.lastRevision <= head.head else {
            throw Malformed("revision \(next) was expected, and a block of \(first) to \(block.lastRevision) comes")
        }
        next = block.lastRevision + 1
        changes += Int64(block.entries.count)
        meta.blocks += 1
        meta.logBytes += Int64(bytes.count)
        meta.logRawBytes += Int64(rawLength)
    }

    private mutating func checkVersion(
        _ kind: BackupFormat.Kind, _ key: UnsafeRawBufferPointer, _ bytes: UnsafeRawBufferPointer
    ) throws {
        guard LogOptions.keyBytes.contains(key.count) else { throw Malformed("key of \(key.count) bytes") }
        let version = try KeyVersion(bytes, key: key) { number throws(Malformed) in
            guard let found = dictionaries.first(where: { $0.number == number }) else {
                throw .missing(dictionary: number)
            }
            return found
        }
        guard version.modRevision <= head.head else {
            throw Malformed("revision \(version.modRevision) of key \(Bytes(copying: key)) is after the head")
        }
        guard kind == .base || !version.isLost else { throw Malformed("key \(Bytes(copying: key)) has no value") }
        if kind == .state, version.type == .put { meta.keys += 1 }
    }

    /// Takes the end.
    fileprivate func finish(_ payload: [UInt8]) throws(Malformed) {
        let expected =
            counts.numbers.prefix(BackupFormat.counts[head.format]!)
            .reduce(into: []) { $0.appendLittleEndian($1) } as [UInt8]
        guard payload == expected else { throw Malformed("entries are missing") }
        guard next == head.head + 1 else { throw Malformed("revisions \(next) to \(head.head) are missing") }
    }
}
