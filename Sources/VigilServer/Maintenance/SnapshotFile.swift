import Vigil

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif
#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A backup that is being sent: a file beside the store without a name, which is gone when this is, or the process.
///
/// It is written in full before the first byte is sent, as fast as the disk takes it, so that a client which reads slowly
/// keeps no read transaction open, and no pages of the store from being used again.
final class SnapshotFile: Sendable {
    /// How the directories are named in which the files are written.
    static let prefix = "snapshot-"

    /// What is in it. Its path is no more.
    let report: BackupReport
    private let descriptor: CInt

    /// Writes a backup of `store`, as ``Vigil/WatchStore/backup(to:options:progress:)`` does.
    static func make(
        of store: WatchStore, options: BackupOptions = BackupOptions(),
        progress: (@Sendable (Int64, Int64) -> Void)? = nil
    ) async throws -> SnapshotFile {
        let directory = "\(store.path)/\(prefix)\(UUID().uuidString)"
        guard mkdir(directory, 0o700) == 0 else { throw failure("create", directory) }
        do {
            let report = try await store.backup(to: directory, options: options, progress: progress)
            let file = try SnapshotFile(taking: report)
            rmdir(directory)
            return file
        } catch {
            rmdir(directory)
            throw error
        }
    }

    /// Opens the file, and takes its name away.
    private init(taking report: BackupReport) throws(StoreError) {
        self.report = report
        descriptor = open(report.path, O_RDONLY | O_CLOEXEC)
        unlink(report.path)
        guard descriptor >= 0 else { throw Self.failure("open", report.path) }
    }

    // Runs also if `init` throws once all properties are set.
    deinit {
        if descriptor >= 0 { close(descriptor) }
    }

    /// The bytes from `offset` on; none at the end.
    func read(at offset: Int, atMost count: Int) async throws -> [UInt8] {
        try await onThread { [self] in
            while true {
                var read = 0
                let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
                    read = pread(descriptor, buffer.baseAddress!, count, off_t(offset))
                    filled = max(0, read)
                }
                if read >= 0 { return bytes }
                if errno != EINTR { throw Self.failure("read", report.path) }
            }
        }
    }

    /// Removes what a process that was killed has left beside the store in `directory`, which nobody else writes. Blocks.
    static func removeLeftovers(in directory: String) {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
        for name in names where name.hasPrefix(prefix) {
            try? FileManager.default.removeItem(atPath: "\(directory)/\(name)")
        }
    }

    private static func failure(_ verb: String, _ path: String) -> StoreError {
        StoreError(.io, "cannot \(verb) \(path): \(String(cString: strerror(errno)))")
    }
}
