import Foundation
import NIOPosix

/// What the files of ``TLSOptions`` held at one moment. They are compared by what they hold and not by their times: they
/// are small, and are replaced by links, by renaming and by writing over.
struct TLSFiles: Sendable, Equatable {
    var certificate: [UInt8]
    var key: [UInt8]
    var clientCA: [UInt8]?

    /// Reads them on a thread that may block.
    static func read(_ options: TLSOptions) async throws -> TLSFiles {
        try await NIOThreadPool.singleton.runIfActive {
            TLSFiles(
                certificate: try contents(of: options.certificateFile, "the certificate"),
                key: try contents(of: options.keyFile, "the key"),
                clientCA: try options.clientCAFile.map { try contents(of: $0, "the clients' authorities") })
        }
    }

    private static func contents(of path: String, _ what: String) throws(TLSError) -> [UInt8] {
        let bytes: Data?
        do {
            let file = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
            defer { try? file.close() }
            bytes = try file.read(upToCount: Limits.certificateFileBytes + 1)
        } catch {
            throw TLSError("cannot read \(what) \(path): \(reason(error))")
        }
        let count = bytes?.count ?? 0
        guard count > 0 else { throw TLSError("\(what) \(path) is empty") }
        guard count <= Limits.certificateFileBytes else {
            throw TLSError(
                "\(what) \(path) has more than \(Limits.certificateFileBytes) bytes, the limit: is it the right file?")
        }
        return Array(bytes!)
    }

    private static func reason(_ error: any Error) -> String {
        switch (error as? CocoaError)?.code {
        case .fileReadNoSuchFile?, .fileNoSuchFile?: "there is no such file"
        case .fileReadNoPermission?: "permission denied"
        default: error.localizedDescription
        }
    }
}
