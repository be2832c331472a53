import Foundation

@testable import RevisionLog

extension FuzzTarget {
    /// A backup is read from a file, and what is accepted is written into another.
    static func backup(_ input: [UInt8]) {
        let directory = FileManager.default.temporaryDirectory.path
        let path = "\(directory)/vigil-fuzz-\(getpid()).backup"
        let again = path + "-again"
        defer { for path in [path, again] { unlink(path) } }
        let contents = Data(withTrueChecksums(input))
        precondition(FileManager.default.createFile(atPath: path, contents: contents), "cannot write \(path)")
        guard let found = try? entries(path) else { return }
        do {
            try write(found, to: again)
        } catch {
            preconditionFailure("a backup that was read cannot be written: \(error)")
        }
        precondition((try? entries(again))?.contents == found.contents, "a backup changes when it is written again")
    }

    private struct Entry: Equatable {
        var kind: BackupFormat.Kind
        var key, value: [UInt8]
    }

    /// Each checksum covers the one before, so they are made right one after the other, as far as chunks can be told apart.
    private static func withTrueChecksums(_ input: [UInt8]) -> [UInt8] {
        var bytes = input
        guard bytes.count >= BackupFormat.headBytes else { return bytes }
        var head = Checksum()
        head.add(bytes, 0..<12)
        head.add(bytes, 16..<BackupFormat.headBytes)
        bytes.set(12, head.value)
        var before = head.value
        var offset = BackupFormat.headBytes
        while offset + BackupFormat.chunkHeadBytes <= bytes.count {
            let stored = Int(bytes.withUnsafeBytes { $0.littleEndian(offset + 12, as: UInt32.self) })
            let payload = offset + BackupFormat.chunkHeadBytes
            let end = min(payload + stored, bytes.count)
            let checksum = bytes.withUnsafeBytes {
                BackupFormat.checksum(
                    after: before, .init(rebasing: $0[offset..<offset + 16]), .init(rebasing: $0[payload..<end]))
            }
            bytes.set(offset + 16, checksum)
            before = checksum
            offset = end
        }
        return bytes
    }

    private static func entries(_ path: String) throws -> (head: BackupFormat.Head, contents: [Entry]) {
        var reader = try BackupReader(try BackupFile(opening: path))
        var entries: [Entry] = []
        try reader.read { payload, slices, _ in
            for slice in slices {
                entries.append(
                    Entry(kind: slice.kind, key: Array(payload[slice.key]), value: Array(payload[slice.value])))
            }
        }
        return (reader.head, entries)
    }

    private static func write(_ backup: (head: BackupFormat.Head, contents: [Entry]), to path: String) throws {
        let file = try BackupFile(creating: path)
        var writer = try BackupWriter(file, backup.head, compresses: true)
        for entry in backup.contents {
            try entry.key.withUnsafeBytes { key in
                try entry.value.withUnsafeBytes { try writer.add(entry.kind, key, $0) }
            }
        }
        try writer.finish()
        try file.keep()
    }
}
