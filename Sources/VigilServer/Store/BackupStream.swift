import GRPCServer
import SwiftProtobuf
import Vigil
import WireMessages

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Makes a backup, and sends the file. It is written in full before, to the temporary directory (`TMPDIR`), so that the
/// pace of the client does not keep pages of the store from being used again.
struct BackupStream {
    private let call: Call
    private let store: WatchStore

    init(_ call: Call, _ store: WatchStore) {
        self.call = call
        self.store = store
    }

    func run(_ request: WireBackupRequest) async throws {
        let directory = try Self.temporaryDirectory()
        defer { rmdir(directory) }
        var options = BackupOptions()
        options.compresses = !request.isUncompressed
        let report = try await withProgress(call) { progress in
            var response = WireBackupResponse()
            response.progress = progress
            return try response.serializedBytes()
        } _: {
            try await store.backup(to: directory, options: options, progress: $0)
        }
        defer { unlink(report.path) }
        var response = WireBackupResponse()
        response.file.name = String(report.path.dropFirst(directory.count + 1))
        response.file.bytes = Int64(report.bytes)
        response.file.grownBytes = Int64(report.grownBytes)
        try await call.send(response.serializedBytes())
        try await send(report.path)
    }

    private func send(_ path: String) async throws {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw Self.failure("read", path) }
        defer { close(file) }
        var offset: off_t = 0
        while true {
            let chunk = try await onThread { [offset] in try Self.read(file, path, at: offset) }
            guard !chunk.isEmpty else { return }
            offset += off_t(chunk.count)
            var response = WireBackupResponse()
            response.chunk = .init(chunk)
            try await call.send(response.serializedBytes())
        }
    }

    private static func read(_ file: Int32, _ path: String, at offset: off_t) throws -> [UInt8] {
        var chunk = [UInt8](repeating: 0, count: Limits.responseBytes)
        var count: Int
        repeat { count = pread(file, &chunk, chunk.count, offset) } while count < 0 && errno == EINTR
        guard count >= 0 else { throw failure("read", path) }
        return Array(chunk[..<count])
    }

    /// A new one, that only this user can look into.
    private static func temporaryDirectory() throws -> String {
        let parent = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        var path = Array("\(parent)/vigil-backup-XXXXXX".utf8CString)
        guard let made = mkdtemp(&path) else { throw failure("make a directory in", parent) }
        return String(cString: made)
    }

    private static func failure(_ verb: String, _ path: String) -> StoreError {
        StoreError(.io, "cannot \(verb) \(path): \(String(cString: strerror(errno)))")
    }
}
