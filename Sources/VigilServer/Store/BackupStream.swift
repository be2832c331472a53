import GRPCServer
import SwiftProtobuf
import Vigil
import WireMessages

/// Makes a backup, and sends the file.
struct BackupStream {
    private let call: Call
    private let store: WatchStore

    init(_ call: Call, _ store: WatchStore) {
        self.call = call
        self.store = store
    }

    func run(_ request: WireBackupRequest) async throws {
        var options = BackupOptions()
        options.compresses = !request.isUncompressed
        let file = try await withProgress(call) { progress in
            var response = WireBackupResponse()
            response.progress = progress
            return try response.serializedBytes()
        } _: {
            try await SnapshotFile.make(of: store, options: options, progress: $0)
        }
        var response = WireBackupResponse()
        response.file.name = file.report.path.split(separator: "/").last.map(String.init) ?? ""
        response.file.bytes = Int64(file.report.bytes)
        response.file.grownBytes = Int64(file.report.grownBytes)
        try await call.send(response.serializedBytes())
        var offset = 0
        while true {
            let chunk = try await file.read(at: offset, atMost: Limits.responseBytes)
            guard !chunk.isEmpty else { return }
            offset += chunk.count
            var response = WireBackupResponse()
            response.chunk = .init(chunk)
            try await call.send(response.serializedBytes())
        }
    }
}
