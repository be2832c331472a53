#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// One file of the journal, open: `journal-NNN`, of fixed size while it is in use, written in place.
///
/// It is filled with zeros when it is made. `fdatasync` of a file that grows, or whose blocks were only reserved, also
/// has to flush metadata, which costs several times as much as the data.
final class SegmentFile: Sendable {
    let name: String
    let length: Int
    private let descriptor: Int32
    /// The same, for writing past the page cache; nil if it is only read, or where that cannot be done.
    let direct: DirectFile?

    static func name(_ number: Int) -> String {
        let digits = String(number)
        return "journal-" + String(repeating: "0", count: max(0, 3 - digits.count)) + digits
    }

    /// Opens the segment `name` as it is; nil if there is none.
    init?(opening name: String, in directory: String, readOnly: Bool) throws(StoreError) {
        descriptor = open("\(directory)/\(name)", (readOnly ? O_RDONLY : O_RDWR) | O_CLOEXEC)
        if descriptor < 0, errno == ENOENT { return nil }
        guard descriptor >= 0 else { throw StoreError(errno: errno, "open \(directory)/\(name)") }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else {
            let error = StoreError(errno: errno, "examine \(directory)/\(name)")
            Self.close(descriptor)
            throw error
        }
        self.name = name
        length = Int(status.st_size)
        direct = readOnly ? nil : DirectFile("\(directory)/\(name)")
    }

    /// Makes the segment `name`, of `length` zeros, and sees to it that it is there after a crash.
    init(creating name: String, in directory: String, length: Int) throws(StoreError) {
        // Under another name until it is whole, so that a crash leaves no segment that is too short.
        let path = "\(directory)/\(name).new"
        descriptor = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw StoreError(errno: errno, "create \(path)") }
        self.name = name
        self.length = length
        direct = DirectFile(path)
        do throws(StoreError) {
            let zeros = [UInt8](repeating: 0, count: min(length, 1 << 20))
            var offset = 0
            while offset < length {
                let count = min(zeros.count, length - offset)
                try write(zeros, count: count, at: offset)
                offset += count
            }
            guard fsync(descriptor) == 0 else { throw StoreError(errno: errno, "flush \(path)") }
            Failpoint.reach(.segmentFilled)
            guard rename(path, "\(directory)/\(name)") == 0 else { throw StoreError(errno: errno, "rename \(path)") }
            Failpoint.reach(.segmentNamed)
            try Self.flushDirectory(directory)
        } catch {
            // `deinit` closes the file, also of an object whose `init` throws once all its properties are set.
            unlink(path)
            throw error
        }
    }

    deinit {
        Self.close(descriptor)
    }

    /// Writes `bytes`, or the first `count` of them, at `offset`.
    func write(_ bytes: [UInt8], count: Int? = nil, at offset: Int) throws(StoreError) {
        let length = count ?? bytes.count
        let failure: Int32 = bytes.withUnsafeBytes { bytes in
            var done = 0
            while done < length {
                let count = pwrite(descriptor, bytes.baseAddress! + done, length - done, off_t(offset + done))
                if count < 0, errno != EINTR { return errno }
                done += max(0, count)
            }
            return 0
        }
        if failure != 0 { throw StoreError(errno: failure, "write \(name) at \(offset)") }
    }

    /// Makes everything written so far survive a loss of power.
    func flush() throws(StoreError) {
        #if canImport(Darwin)
            let status = fcntl(descriptor, F_FULLFSYNC)
        #else
            let status = fdatasync(descriptor)
        #endif
        if status != 0 { throw StoreError(errno: errno, "flush \(name)") }
    }

    /// Takes the file's name away.
    func remove(from directory: String) throws(StoreError) {
        guard unlink("\(directory)/\(name)") == 0 || errno == ENOENT else {
            throw StoreError(errno: errno, "remove \(directory)/\(name)")
        }
    }

    /// Gives back what the file has beyond its first `count` bytes. Nothing may be written to it afterwards.
    func cut(to count: Int) throws(StoreError) {
        guard length > count else { return }
        guard ftruncate(descriptor, off_t(count)) == 0 else { throw StoreError(errno: errno, "shorten \(name)") }
    }

    /// Has the system fetch the first `count` bytes, beside those of other files: what was written past its cache is not
    /// there.
    func expectReading(_ count: Int) {
        #if os(Linux)
            posix_fadvise(descriptor, 0, off_t(count), POSIX_FADV_WILLNEED)
        #endif
    }

    /// Bytes from `offset` on, at most `count` of them, fewer at the end of the file.
    func read(at offset: Int, count: Int) throws(StoreError) -> [UInt8] {
        var result = Result<Int, StoreError>.success(0)
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            let space = UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[..<count])
            result = Result { () throws(StoreError) in try read(at: offset, into: space) }
            filled = (try? result.get()) ?? 0
        }
        _ = try result.get()
        return bytes
    }

    /// Fills `buffer` with bytes from `offset` on; returns how many there were.
    func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(StoreError) -> Int {
        var filled = 0
        while filled < buffer.count {
            let read = pread(descriptor, buffer.baseAddress! + filled, buffer.count - filled, off_t(offset + filled))
            if read < 0, errno == EINTR { continue }
            if read < 0 { throw StoreError(errno: errno, "read \(name) at \(offset)") }
            if read == 0 { break }
            filled += read
        }
        return filled
    }

    /// Makes the names in the directory at `path` survive a loss of power.
    static func flushDirectory(_ path: String) throws(StoreError) {
        let directory = open(path, O_RDONLY | O_CLOEXEC)
        guard directory >= 0 else { throw StoreError(errno: errno, "open \(path)") }
        defer { close(directory) }
        if fsync(directory) != 0 { throw StoreError(errno: errno, "flush \(path)") }
    }

    private static func close(_ descriptor: Int32) {
        #if canImport(Darwin)
            _ = Darwin.close(descriptor)
        #elseif canImport(Glibc)
            _ = Glibc.close(descriptor)
        #else
            _ = Musl.close(descriptor)
        #endif
    }
}

extension StoreError {
    /// What the operating system answered when asked to do `operation`.
    init(errno code: Int32, _ operation: String) {
        let reason = String(cString: strerror(code))
        if code == ENOSPC || code == EDQUOT {
            self.init(.full, "\(operation): \(reason); make room")
        } else {
            self.init(.io, "\(operation): \(reason)")
        }
    }
}
