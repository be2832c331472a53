import Foundation
import TestSupport

/// The files that a disk has after a loss of power.
struct DiskImage {
    /// By path below the root; nil for a directory.
    var files: [String: [UInt8]?] = [:]

    /// Writes them below the directory `root`, which must be empty.
    func write(to root: String) throws {
        for path in files.keys.sorted() where !path.isEmpty {
            if let bytes = files[path]! {
                let created = FileManager.default.createFile(
                    atPath: root + "/" + path, contents: Data(bytes), attributes: [.posixPermissions: 0o600])
                if !created { throw CocoaError(.fileWriteUnknown) }
            } else {
                try FileManager.default.createDirectory(atPath: root + "/" + path, withIntermediateDirectories: false)
            }
        }
    }
}

/// Which of the changes that were not durable the disk has.
enum Survivors: Hashable {
    case none, all
    case allBut(Int)
    case only(Int)
    /// Each with this chance, of ten.
    case random(Int)
}

/// Builds an image of what is left of a ``DiskModel``.
struct ImageBuilder {
    static let sector = 512

    private let survivors: Survivors
    private var random: SeededGenerator
    private var unit = 0

    static func image(_ model: DiskModel, _ survivors: Survivors, seed: UInt64) -> DiskImage {
        var builder = ImageBuilder(survivors: survivors, random: SeededGenerator(seed))
        return builder.image(model)
    }

    /// How many changes are not durable.
    static func units(_ model: DiskModel) -> Int {
        model.files.values.reduce(model.entries.count) { $0 + $1.changes.count }
    }

    private mutating func image(_ model: DiskModel) -> DiskImage {
        var names = model.names
        for entry in model.entries where survives() { entry.apply(to: &names) }
        var image = DiskImage()
        // Every file is asked, also one without a name, so that the units are the same for each image.
        for (number, file) in model.files.sorted(by: { $0.key < $1.key }) {
            let bytes = bytes(file)
            for (path, _) in names.filter({ $0.value == number }) {
                image.files.updateValue(file.isDirectory ? nil : bytes, forKey: path)
            }
        }
        // What is in a directory that is not there is not there either.
        for path in image.files.keys.sorted() where path.contains("/") {
            let directory = String(path[..<path.lastIndex(of: "/")!])
            if image.files[directory] == nil { image.files[path] = nil }
        }
        return image
    }

    private mutating func survives() -> Bool {
        defer { unit += 1 }
        switch survivors {
        case .none: return false
        case .all: return true
        case .allBut(let one): return unit != one
        case .only(let one): return unit == one
        case .random(let chance): return random.below(10) < chance
        }
    }

    private var isTearing: Bool {
        switch survivors {
        case .none, .all: false
        case .allBut, .only, .random: true
        }
    }

    private mutating func bytes(_ file: DiskModel.File) -> [UInt8] {
        if file.changes.isEmpty { return file.bytes }
        var cache = file.bytes
        var disk = file.bytes
        for change in file.changes {
            change.kind.apply(to: &cache)
            if change.state == .durable {
                write(change.kind, cache, to: &disk, isTorn: false)
            } else if survives() {
                write(change.kind, cache, to: &disk, isTorn: isTearing && random.chance(2))
            } else if isTearing, random.chance(8) {
                extend(change.kind, &disk)
            }
        }
        return disk
    }

    /// Writes, whole or some sectors of it, what the file's cache has in the place of the change.
    private mutating func write(
        _ kind: DiskModel.Change.Kind, _ cache: [UInt8], to disk: inout [UInt8], isTorn: Bool
    ) {
        guard case .write(let offset, let bytes) = kind else { return kind.apply(to: &disk) }
        let end = offset + bytes.count
        if isTorn && random.chance(2) { extend(kind, &disk) }
        for sector in offset / Self.sector...(max(offset, end - 1)) / Self.sector where !isTorn || random.chance(2) {
            let range = sector * Self.sector..<min((sector + 1) * Self.sector, cache.count)
            if disk.count < range.upperBound { disk.resize(range.upperBound) }
            disk.withUnsafeMutableBytes { disk in
                cache.withUnsafeBytes {
                    UnsafeMutableRawBufferPointer(rebasing: disk[range]).copyMemory(from: .init(rebasing: $0[range]))
                }
            }
        }
    }

    /// The new size without the bytes.
    private func extend(_ kind: DiskModel.Change.Kind, _ disk: inout [UInt8]) {
        if case .write(let offset, let bytes) = kind, disk.count < offset + bytes.count {
            disk.resize(offset + bytes.count)
        }
    }
}
