import Changes

#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

// The file `lock` in the directory of a store. The process that writes holds a `flock` on it for as long as it lives, and
// publishes in it how far the store is:
//
//   offset  bytes
//        0  8      the last revision that readers may see, little-endian
//        8  8      its bitwise complement, so that a reader notices a write under way
//       16  8      the process that writes, or did last
//
// The lock goes with the process, however it ends. The content is never flushed and counts only while a writer lives:
// without one a reader scans the journal.

/// The right to write to a store. At most one exists for a directory, over all processes and within one. Goes with the last
/// reference.
final class WriterLock: Sendable {
    private let file: JournalFile

    /// - Throws: `locked`, naming the process that has it; `io`.
    init(directory: String) throws {
        let path = LockFile.path(directory)
        var attempts = JournalLimits.lockMilliseconds / JournalLimits.lockPauseMilliseconds
        while true {
            // Created if it is not there, so never nil.
            let file = try JournalFile(path: path, flags: O_RDWR | O_CREAT)!
            if flock(file.descriptor, LOCK_EX | LOCK_NB) == 0 {
                // The file may have been removed, and made anew by another, between the two calls.
                guard try LockFile.isCurrent(file, path) else { continue }
                self.file = file
                break
            }
            guard errno == EWOULDBLOCK || errno == EINTR else { throw StoreError(system: errno, "lock", path) }
            attempts -= 1
            guard attempts > 0 else { throw Self.locked(directory, LockFile.process(file)) }
            usleep(UInt32(JournalLimits.lockPauseMilliseconds) * 1000)
        }
        try write([Int64(getpid())], at: 16)
    }

    /// Lets readers see everything through `head`. To be called when it is as durable as the store promises.
    func publish(_ head: Revision) throws {
        try write([head, ~head], at: 0)
    }

    private func write(_ numbers: [Int64], at offset: Int) throws {
        try numbers.map(\.littleEndian).withUnsafeBytes { bytes in
            try file.write(bytes, at: offset)
        }
    }

    private static func locked(_ directory: String, _ process: Int64?) -> StoreError {
        StoreError(
            .locked,
            "the store in \(directory) is open for writing by process \(process.map(String.init) ?? "?"); "
                + "close it there, or open it for reading only")
    }
}

/// What everybody may know from the lock file.
struct LockFile: Sendable {
    private let path: String
    private let file: JournalFile

    /// Nil if there never was a writer.
    init?(directory: String) throws {
        path = Self.path(directory)
        guard let file = try JournalFile(path: path, flags: O_RDONLY) else { return nil }
        self.file = file
    }

    static func path(_ directory: String) -> String { directory + "/lock" }

    /// Whether a process holds the right to write now.
    func writerIsAlive() throws -> Bool {
        if flock(file.descriptor, LOCK_SH | LOCK_NB) == 0 {
            flock(file.descriptor, LOCK_UN)
            return false
        }
        guard errno == EWOULDBLOCK else { throw StoreError(system: errno, "look at the lock of", path) }
        return true
    }

    /// The head that the writer published last; nil if none has been, or a loss of power spoilt it.
    func head() throws -> Revision? {
        for _ in 0..<JournalLimits.headAttempts {
            guard let numbers = try Self.numbers(file), numbers.count >= 2 else { return nil }
            if numbers[0] == ~numbers[1] && numbers[0] >= 0 { return numbers[0] }
        }
        return nil
    }

    /// The process that writes, or did last.
    static func process(_ file: JournalFile) -> Int64? {
        guard let numbers = try? numbers(file), numbers.count >= 3, numbers[2] > 0 else { return nil }
        return numbers[2]
    }

    private static func numbers(_ file: JournalFile) throws -> [Int64]? {
        var bytes: (Int64, Int64, Int64) = (0, 0, 0)
        let got = try withUnsafeMutableBytes(of: &bytes) { target in
            try file.read(into: target, at: 0)
        }
        return Array([bytes.0, bytes.1, bytes.2].map { Int64(littleEndian: $0) }.prefix(got / 8))
    }

    /// Whether `file` is the one that has the name `path`.
    static func isCurrent(_ file: JournalFile, _ path: String) throws -> Bool {
        var (named, opened) = (stat(), stat())
        guard fstat(file.descriptor, &opened) == 0 else { throw StoreError(system: errno, "look at", path) }
        return stat(path, &named) == 0 && named.st_ino == opened.st_ino && named.st_dev == opened.st_dev
    }
}
