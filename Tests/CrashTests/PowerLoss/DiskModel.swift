import CDiskShim
import Foundation
import TestSupport
import Testing

// What a disk has after a loss of power. Assumed of disk and file system, and nothing more:
//
// - A sector of 512 bytes is written whole or not at all; it then has what the file's cache had at one moment since its
//   last flush. Sectors reach the disk in any order, each by itself.
// - `fsync` and `fdatasync` of a file that return 0 made everything durable that was written before the call, and the size
//   that is needed to read it. A write to a file opened with O_DSYNC is followed by such a flush.
// - A file's size may be on the disk without the bytes, which then are zeros.
// - Creating, renaming and removing are atomic, each by itself; they are durable after an `fsync` of the directory, and
//   before it any of them may or may not have happened, in whatever order. To flush a file does not make its name durable.
// - After a flush that failed, what it should have flushed may never come to the disk, whatever flush succeeds later.

/// The files below a directory as the disk has them for certain, and the changes that it may or may not have.
struct DiskModel {
    /// A change to the bytes of a file.
    struct Change {
        enum Kind {
            case write(offset: Int, bytes: [UInt8])
            case resize(Int)
        }

        enum State {
            case pending
            /// A flush that should have made it durable has failed.
            case abandoned
            case durable
        }

        var record: Int
        var kind: Kind
        var state = State.pending
    }

    /// A change to the names in a directory.
    struct Entry {
        enum Kind {
            case add(String, UInt64)
            case move(String, String, UInt64)
            case remove(String)
        }

        var record: Int
        var kind: Kind
    }

    struct File {
        var isDirectory = false
        /// What is durable.
        var bytes: [UInt8] = []
        /// Changes since, in the order in which they were made; the first is not durable.
        var changes: [Change] = []
    }

    private(set) var files: [UInt64: File] = [:]
    /// What is durable.
    private(set) var names: [String: UInt64] = [:]
    private(set) var entries: [Entry] = []
    /// As the running program sees it.
    private var visibleNames: [String: UInt64] = [:]
    private var records = 0

    /// A disk that has `image`: paths, and bytes unless it is a directory.
    init(_ image: DiskImage = DiskImage()) {
        // Numbers that the shim does not use; it names its own when the files are opened.
        var number = UInt64.max
        for (path, bytes) in image.files {
            files[number] = File(isDirectory: bytes == nil, bytes: bytes ?? [])
            names[path] = number
            number -= 1
        }
        visibleNames = names
    }

    /// Applies the next record of `trace`.
    mutating func apply(_ record: DiskTrace.Record, of trace: DiskTrace) {
        switch record.kind {
        case disk_opened: adopt(trace.text(record), record.file)
        case disk_created: add(trace.text(record), record.file, isDirectory: false)
        case disk_made: add(trace.text(record), record.file, isDirectory: true)
        case disk_written: change(record.file, .write(offset: record.offset, bytes: trace.bytes(record)))
        case disk_truncated: change(record.file, .resize(record.offset))
        case disk_renamed:
            let paths = trace.text(record).split(separator: "\0").map(String.init)
            visibleNames[paths[0]] = nil
            visibleNames[paths[1]] = record.file
            entries.append(Entry(record: records, kind: .move(paths[0], paths[1], record.file)))
        case disk_removed:
            visibleNames[trace.text(record)] = nil
            entries.append(Entry(record: records, kind: .remove(trace.text(record))))
        case disk_flushed: flush(record.file, before: record.begun)
        case disk_flush_failed: abandon(record.file, before: record.begun)
        default: break
        }
        records += 1
    }

    /// The first record whose change is not durable, among those to files whose names contain `name`.
    func firstLoss(_ name: String) -> Int? {
        let changes = visibleNames.filter { $0.key.contains(name) }.compactMap {
            files[$0.value]?.changes.first?.record
        }
        let entries = entries.first { entry in
            switch entry.kind {
            case .add(let path, _), .move(_, let path, _), .remove(let path): path.contains(name)
            }
        }
        return (changes + [entries?.record].compactMap { $0 }).min()
    }

    // MARK: Records

    private mutating func adopt(_ path: String, _ file: UInt64) {
        guard files[file] == nil, let old = visibleNames[path] else { return }
        files[file] = files.removeValue(forKey: old)
        visibleNames[path] = file
        for (name, number) in names where number == old { names[name] = file }
    }

    private mutating func add(_ path: String, _ file: UInt64, isDirectory: Bool) {
        files[file] = File(isDirectory: isDirectory)
        visibleNames[path] = file
        // The root is there.
        if path.isEmpty { names[path] = file } else { entries.append(Entry(record: records, kind: .add(path, file))) }
    }

    private mutating func change(_ file: UInt64, _ kind: Change.Kind) {
        files[file]?.changes.append(Change(record: records, kind: kind))
        files[file]?.dropSuperseded()
    }

    private mutating func flush(_ file: UInt64, before record: Int) {
        guard files[file]?.isDirectory == true else {
            files[file]?.flush(before: record)
            return
        }
        guard let path = visibleNames.first(where: { $0.value == file })?.key else { return }
        let durable = entries.filter { $0.record < record && $0.directory == path }
        entries.removeAll { $0.record < record && $0.directory == path }
        for entry in durable { entry.apply(to: &names) }
    }

    private mutating func abandon(_ file: UInt64, before record: Int) {
        guard let count = files[file]?.changes.count else { return }
        for index in 0..<count where files[file]!.changes[index].record < record {
            if files[file]!.changes[index].state == .pending { files[file]!.changes[index].state = .abandoned }
        }
    }
}

extension DiskModel.Entry {
    /// The directory that it changes.
    var directory: String {
        switch kind {
        case .add(let path, _), .move(_, let path, _), .remove(let path):
            path.contains("/") ? String(path[..<path.lastIndex(of: "/")!]) : ""
        }
    }

    func apply(to names: inout [String: UInt64]) {
        switch kind {
        case .add(let path, let file): names[path] = file
        case .move(let old, let new, let file):
            names[new] = file
            if names[old] == file { names[old] = nil }
        case .remove(let path): names[path] = nil
        }
    }
}

extension DiskModel.File {
    fileprivate mutating func flush(before record: Int) {
        for index in changes.indices where changes[index].record < record && changes[index].state == .pending {
            changes[index].state = .durable
        }
        let end = changes.firstIndex { $0.state != .durable } ?? changes.count
        for change in changes[..<end] { change.kind.apply(to: &bytes) }
        changes.removeSubrange(..<end)
    }

    /// A file that is never flushed, and written in the same place again and again, may have any of the newest.
    fileprivate mutating func dropSuperseded() {
        func place(_ change: DiskModel.Change) -> Range<Int>? {
            guard case .write(let offset, let bytes) = change.kind else { return nil }
            return offset..<offset + bytes.count
        }
        guard changes.count > 3, let newest = place(changes.last!),
            changes.suffix(4).allSatisfy({ place($0) == newest && $0.state == .pending })
        else { return }
        changes.remove(at: changes.count - 4)
    }
}

extension DiskModel.Change.Kind {
    /// To the whole file.
    func apply(to bytes: inout [UInt8]) {
        switch self {
        case .resize(let size): bytes.resize(size)
        case .write(let offset, let written):
            if bytes.count < offset + written.count { bytes.resize(offset + written.count) }
            bytes.copy(written, to: offset)
        }
    }
}

// As raw memory, since this runs for every image, without optimisation too.
extension [UInt8] {
    /// Shorter, or longer by zeros.
    mutating func resize(_ size: Int) {
        if size <= count { return removeLast(count - size) }
        self = [UInt8](unsafeUninitializedCapacity: size) { target, filled in
            let target = UnsafeMutableRawBufferPointer(target)
            withUnsafeBytes { target.copyMemory(from: $0) }
            memset(target.baseAddress! + count, 0, size - count)
            filled = size
        }
    }

    mutating func copy(_ source: [UInt8], to offset: Int) {
        withUnsafeMutableBytes { target in
            source.withUnsafeBytes { UnsafeMutableRawBufferPointer(rebasing: target[offset...]).copyMemory(from: $0) }
        }
    }
}
