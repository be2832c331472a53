public import Vigil
import WireMessages

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

extension StoreClient {
    /// As `WatchStore.backup(to:options:progress:)`: the server makes it, and it is written and verified here. Progress is
    /// that of the server's part, in entries.
    @discardableResult
    public func backup(
        to path: String, options: BackupOptions = BackupOptions(),
        progress: (@Sendable (Int64, Int64) -> Void)? = nil
    ) async throws -> BackupReport {
        var request = WireBackupRequest()
        request.isUncompressed = !options.compresses
        var file: BackupDownload?
        var grownBytes = 0
        try await stream("Backup", request) { (response: WireBackupResponse) in
            switch response.response {
            case .progress(let position): progress?(position.done, position.total)
            case .file(let description):
                file = try BackupDownload(path, name: description.name, bytes: Int(description.bytes))
                grownBytes = Int(description.grownBytes)
            case .chunk(let bytes):
                guard let file else { throw malformed("a backup's bytes come before its name") }
                try await onThread { try file.append(Array(bytes)) }
            case nil: break
            }
        }
        guard let file else { throw malformed("a backup has no file") }
        var report = try await file.finish()
        report.grownBytes = grownBytes
        return report
    }
}

/// The file of a backup while it comes: under its name with `.partial` added until all of it is verified.
private final class BackupDownload: Sendable {
    private let path: String
    private let descriptor: Int32
    private let bytes: Int

    private var partial: String { path + ".partial" }

    /// - Throws: `.invalidArgument` if the file exists.
    init(_ path: String, name: String, bytes: Int) throws {
        guard !name.isEmpty, !name.hasPrefix("."), !name.contains("/"), !name.utf8.contains(0) else {
            throw MalformedMessage("a backup is named \(name.debugDescription)")
        }
        var status = stat()
        let isDirectory = stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
        let path = isDirectory ? "\(path)/\(name)" : path
        guard lstat(path, &status) != 0 else {
            throw StoreError(.invalidArgument, "\(path) exists; name a file that does not")
        }
        let descriptor = open(path + ".partial", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw StoreError.system("create", path + ".partial") }
        self.path = path
        self.descriptor = descriptor
        self.bytes = bytes
    }

    deinit {
        close(descriptor)
        // After `finish` there is nothing of this name.
        unlink(partial)
    }

    func append(_ chunk: [UInt8]) throws {
        var written = 0
        while written < chunk.count {
            let count = chunk[written...].withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw StoreError.system("write", partial) }
            written += count
        }
    }

    /// Verifies what has come, and gives it its name, durably.
    func finish() async throws -> BackupReport {
        guard fsync(descriptor) == 0 else { throw StoreError.system("flush", partial) }
        var report = try await WatchStore.verify(backup: partial)
        guard report.bytes == bytes else {
            throw StoreError(.damaged, "the backup has \(report.bytes) bytes here, and \(bytes) at the server")
        }
        // A link is refused where a file is; a rename would replace it.
        guard link(partial, path) == 0 else { throw StoreError.system("create", path) }
        unlink(partial)
        let parent = path.lastIndex(of: "/").map { String(path[...$0]) } ?? "."
        let directory = open(parent, O_RDONLY | O_CLOEXEC)
        defer { close(directory) }
        guard fsync(directory) == 0 else { throw StoreError.system("flush", parent) }
        report.path = path
        return report
    }
}

extension StoreError {
    fileprivate static func system(_ verb: String, _ path: String) -> StoreError {
        StoreError(errno == ENOSPC ? .full : .io, "cannot \(verb) \(path): \(String(cString: strerror(errno)))")
    }
}
