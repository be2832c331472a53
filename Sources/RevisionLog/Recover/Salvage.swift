import Changes
import LMDB

/// Everything that is intact in the directory of a damaged store, each part believed by its own checksum. Only plain reads.
final class Salvage {
    /// A version of a key: when it was made, and where its entry lies in the data file.
    struct Version {
        var revision: Revision
        var place: Range<Int>
    }

    /// `state` as of one commit of LMDB.
    struct State {
        var meta: Meta
        var versions: [Bytes: Version] = [:]
        /// Nothing is wrong with it.
        var isIntact: Bool
    }

    private(set) var coverage = Coverage()
    /// All versions in `state` and `base`, also of the commit before the last, and in leaves that no tree leads to.
    private(set) var versions: [Bytes: [Version]] = [:]
    /// As of the last commit and the one before.
    private(set) var states: [State] = []
    private(set) var damage: [String] = []
    private(set) var cursors = SalvagedCursors()
    private(set) var leases = SalvagedEntries()
    private(set) var properties = SalvagedEntries()
    private var dictionaries = SalvagedDictionaries()
    /// The newest revision that anything says there was.
    private(set) var head: Revision = 0
    private let data: DataFileSalvage?
    private let journal: SalvagedJournal

    init(directory: String) throws {
        do {
            data = try DataFileSalvage.read(directory: directory)
            if data == nil { damage.append("data.mdb: is missing or empty") }
        } catch {
            data = nil
            damage.append("data.mdb: \(error.message)")
        }
        var metas: [Meta?] = []
        for snapshot in data?.snapshots ?? [] { metas.append(Self.meta(snapshot, data!)) }
        let storeID = metas.lazy.compactMap { $0?.storeID }.first
        journal = try SalvagedJournal(directory: directory, storeTag: storeID.map { UInt32(truncatingIfNeeded: $0) })
        damage += journal.damage + (data?.damage ?? [])
        if metas.contains(where: { $0 == nil }) { damage.append("data.mdb: a meta entry is missing or damaged") }
        if let data { try gather(data, metas) }
        let noted = (try? LockFile(directory: directory))?.head ?? 0
        head = max(noted, journal.flushedThrough, states.map(\.meta.checkpoint).max() ?? 0)
    }

    /// What `snapshot` says of the store as a whole, if that is intact.
    private static func meta(_ snapshot: DataFileSalvage.Snapshot, _ data: DataFileSalvage) -> Meta? {
        let entry = snapshot.trees["meta"]?.entries.first { $0.key == Meta.key }
        return entry.flatMap { try? data.read($0.value).withUnsafeBytes { try Meta($0) } }
    }

    private func gather(_ data: DataFileSalvage, _ metas: [Meta?]) throws {
        var blocks: [Stretch] = []
        var strays: [Stretch] = []
        var unplaced = data.strayValues
        dictionaries = try SalvagedDictionaries(data)
        // First, since each value that needs one is damaged with it.
        for message in dictionaries.damage { note(message) }
        for (index, snapshot) in data.snapshots.enumerated() {
            for entry in snapshot.trees["log"]?.entries ?? [] {
                if let block = try block(entry) {
                    blocks.append(block)
                } else {
                    unplaced.append(entry.value)
                    let first = try? entry.key.withUnsafeBytes { try Block.firstRevision($0) }
                    note("log block \(first.map { "\($0)" } ?? "\(Bytes(entry.key))"): is damaged")
                }
            }
            let state = try gatherVersions(snapshot, metas[index])
            for name in ["log", "cursors", "leases", "leased", "properties", "dictionaries"] {
                for message in snapshot.trees[name]?.damage ?? [] { note(message) }
            }
            if let state { states.append(state) }
        }
        cursors = try SalvagedCursors(data)
        leases = try SalvagedEntries(.leases, data)
        properties = try SalvagedEntries(.properties, data)
        for message in leases.damage + properties.damage { note(message) }
        for entry in data.strays {
            if let block = try block(entry) {
                strays.append(block)
            } else if let version = try version(entry) {
                note(version, entry.key)
            } else if let long = try longRow(entry) {
                if let version = long.version { note(version, long.key) }
            } else {
                unplaced.append(entry.value)
            }
        }
        coverage.fill(blocks)
        coverage.fill(journal.stretches)
        coverage.fill(strays)
        try placeBlocks(unplaced, from: metas.compactMap { $0?.dropped }.min() ?? 1)
    }

    /// What `snapshot` has in `state` and `base`, each believed by its own checksum. Returns `state`, if `meta` is there.
    private func gatherVersions(_ snapshot: DataFileSalvage.Snapshot, _ meta: Meta?) throws -> State? {
        var state = meta.map { State(meta: $0, isIntact: snapshot.damage.isEmpty) }
        func gather(_ name: String, decides: Bool, _ take: (DataFileSalvage.Entry) throws -> Bool) throws {
            guard let tree = snapshot.trees[name] else {
                state?.isIntact = false
                return
            }
            var broken = snapshot.damage + tree.damage
            for entry in tree.entries where try !take(entry) {
                broken.append("data.mdb, tree \(name): the entry at byte \(entry.value.lowerBound) is damaged")
            }
            if decides, !broken.isEmpty { state?.isIntact = false }
            for message in broken { note(message) }
        }
        for name in ["state", "base"] {
            try gather(name, decides: name == "state") { entry in
                guard let version = try version(entry) else { return false }
                note(version, entry.key)
                if name == "state" { state?.versions[Bytes(entry.key)] = version }
                return true
            }
        }
        if let meta, !meta.hasLongKeys { return state }
        try gather("long", decides: true) { entry in
            guard let row = try longRow(entry) else { return false }
            guard let version = row.version else { return true }
            note(version, row.key)
            if row.root == .state { state?.versions[Bytes(row.key)] = version }
            return true
        }
        return state
    }

    /// Both commits share most of what may be damaged.
    private func note(_ message: String) {
        if damage.count < Limits.reportedProblems, !damage.contains(message) { damage.append(message) }
    }

    private func note(_ version: Version, _ key: [UInt8]) {
        let key = Bytes(key)
        if versions[key]?.contains(where: { $0.revision == version.revision }) == true { return }
        versions[key, default: []].append(version)
    }

    private func block(_ entry: DataFileSalvage.Entry) throws -> Stretch? {
        guard entry.key.count == 8, let first = try? entry.key.withUnsafeBytes({ try Block.firstRevision($0) }),
            let block = try decode(entry.value, first)
        else { return nil }
        return Stretch(first: first, last: block.lastRevision, source: .block(entry.value))
    }

    private func decode(_ place: Range<Int>, _ first: Revision) throws -> ChangeBatch? {
        guard first >= 1 else { return nil }
        return try data!.read(place).withUnsafeBytes { try? Block.decode($0, firstRevision: first) }
    }

    private func version(_ entry: DataFileSalvage.Entry) throws -> Version? {
        guard LogOptions.keyBytes.contains(entry.key.count) else { return nil }
        return try data!.read(entry.value).withUnsafeBytes { bytes in
            entry.key.withUnsafeBytes { key in
                (try? KeyVersion(bytes, key: key, dictionaries.find)).map {
                    Version(revision: $0.modRevision, place: entry.value)
                }
            }
        }
    }

    /// What a row of `long` says: a version of a key, or nothing that is needed here. Nil if it is damaged.
    private func longRow(
        _ entry: DataFileSalvage.Entry
    ) throws -> (root: LongRow.Root?, key: [UInt8], version: Version?)? {
        let value = try data!.read(entry.value)
        return value.withUnsafeBytes { bytes in
            entry.key.withUnsafeBytes { row in
                guard let row = try? LongRow(row, bytes) else { return nil }
                guard case .entry(let root, let key, let kept) = row, root != .leased else { return (nil, [], nil) }
                guard let version = try? KeyVersion(kept, key: key, dictionaries.find) else { return nil }
                let end = entry.value.lowerBound + bytes.count
                return (root, Array(key), Version(revision: version.modRevision, place: end - kept.count..<end))
            }
        }
    }

    /// Blocks whose key is lost. The checksum covers the first revision, so one that continues what is there is known by
    /// that.
    private func placeBlocks(_ places: [Range<Int>], from first: Revision) throws {
        var candidates: [(header: Block.Header, place: Range<Int>)] = []
        for place in places where place.count >= Block.headerLength {
            // The room may be larger than the block, and then only the header says how long that is.
            var header = try data!.read(place.lowerBound..<place.lowerBound + Block.headerLength)
            guard header.count == Block.headerLength else { continue }
            let stored = header.withUnsafeBytes { Int($0.littleEndian(24, as: UInt32.self)) }
            guard stored <= place.count - Block.headerLength else { continue }
            let whole = place.lowerBound..<place.lowerBound + Block.headerLength + stored
            header = try data!.read(whole)
            guard let header = try? header.withUnsafeBytes({ try Block.header($0) }) else { continue }
            candidates.append((header, whole))
        }
        var starts = Set([first] + coverage.ranges.map { $0.upperBound + 1 })
        while let start = starts.popFirst(), !candidates.isEmpty {
            for (index, candidate) in candidates.enumerated() {
                guard let block = try decode(candidate.place, start) else { continue }
                coverage.fill([Stretch(first: start, last: block.lastRevision, source: .block(candidate.place))])
                candidates.remove(at: index)
                starts.insert(block.lastRevision + 1)
                break
            }
        }
    }

    // MARK: Reading

    /// Adds `batch`, put together from other parts.
    func add(rebuilt batch: ChangeBatch) {
        coverage.fill([Stretch(first: batch.firstRevision, last: batch.lastRevision, source: .rebuilt(batch))])
    }

    /// The revisions of `piece`.
    func batch(_ piece: Coverage.Piece) throws -> ChangeBatch {
        try whole(piece.stretch).records(of: piece.from...piece.to)
    }

    private func whole(_ stretch: Stretch) throws -> ChangeBatch {
        switch stretch.source {
        case .frame(let segment, let place): return try journal.batch(segment: segment, place)
        case .rebuilt(let batch): return batch
        case .block(let place):
            guard let block = try decode(place, stretch.first) else {
                throw StoreError(.damaged, "the data file changed while it was read")
            }
            return block
        }
    }

    /// What `version` of `key` says.
    func keyVersion(_ key: Bytes, _ version: Version) throws -> KeyVersion {
        try data!.read(version.place).withUnsafeBytes { bytes in
            try key.withUnsafeBytes { key in
                do {
                    return try KeyVersion(bytes, key: key, dictionaries.find)
                } catch {
                    throw StoreError(.damaged, "the data file changed while it was read")
                }
            }
        }
    }
}
