#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// The segments of a journal as files of the store's directory: `journal-000`, `journal-001`, …
///
/// All have the same length and are written once from begin to end with zeros before they are used, so that a later
/// `fdatasync` has data to flush but no size and no blocks. A segment is made under another name, `journal-new`, and takes
/// its own when it is complete and flushed: a file with the name of a segment and another length is damage.
struct SegmentFiles: Sendable {
    let directory: String
    let segmentBytes: Int

    private func path(_ number: Int) -> String {
        let digits = String(number)
        return "\(directory)/journal-" + String(repeating: "0", count: 3 - digits.count) + digits
    }

    private var newPath: String { "\(directory)/journal-new" }

    /// Opens segment `number`; nil if there is none.
    /// - Throws: `damaged` if its length is wrong.
    func open(_ number: Int, writable: Bool) throws -> JournalFile? {
        guard let file = try JournalFile(path: path(number), flags: writable ? O_RDWR : O_RDONLY) else { return nil }
        let length = try file.byteCount()
        guard length == segmentBytes else {
            throw StoreError(
                .damaged,
                "\(file.path) is \(length) bytes long instead of \(segmentBytes): it has been cut, or is of another store"
            )
        }
        return file
    }

    /// Opens all segments there are, by number.
    func openAll(writable: Bool) throws -> [Int: JournalFile] {
        var files: [Int: JournalFile] = [:]
        for number in 0..<JournalLimits.segmentNumbers {
            if let file = try open(number, writable: writable) { files[number] = file }
        }
        return files
    }

    /// Makes segment `number`, full of zeros and on the disk.
    /// - Throws: `full` or `io`; then there is no such file.
    func create(_ number: Int) throws -> JournalFile {
        removeUnfinished()
        do {
            // There is always a file, because it is created.
            let file = try JournalFile(path: newPath, flags: O_RDWR | O_CREAT | O_EXCL)!
            let zeros = [UInt8](repeating: 0, count: min(JournalLimits.fillBytes, segmentBytes))
            for offset in stride(from: 0, to: segmentBytes, by: zeros.count) {
                try zeros.withUnsafeBytes { zeros in
                    try file.write(.init(rebasing: zeros[..<min(zeros.count, segmentBytes - offset)]), at: offset)
                }
            }
            guard fsync(file.descriptor) == 0 else { throw StoreError(system: errno, "flush", newPath) }
        } catch {
            removeUnfinished()
            throw error
        }
        guard rename(newPath, path(number)) == 0 else { throw StoreError(system: errno, "name", path(number)) }
        try JournalFile.flushDirectory(directory)
        return try open(number, writable: true)!
    }

    /// Removes what a crash while a segment was made has left.
    func removeUnfinished() { unlink(newPath) }
}
