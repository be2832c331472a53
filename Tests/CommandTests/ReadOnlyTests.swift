import ChildProcess
import Foundation
import TestSupport
import Testing

/// What a user can do who may read the files of a store and not write them.
@Suite struct ReadOnlyTests {
    /// Runs `vigil` as a user without rights, on a copy of a store with ten revisions and a cursor at the fifth.
    private func withReader(
        lock: Int,
        _ body: (_ run: (String...) async throws -> (lines: [String], errors: String, status: Int32)) async throws
            -> Void
    ) async throws {
        try await withCommand { vigil in
            for index in 1...10 { _ = try await vigil("put", "k", "\(index)") }
            _ = try await vigil("cursor", "set", "c", "5")
            let files = FileManager.default
            // The program may lie where nobody else can reach it.
            let program = vigil.directory + "/vigil"
            try files.copyItem(atPath: ChildProcess.path(of: "vigil"), toPath: program)
            for name in try files.contentsOfDirectory(atPath: vigil.data) {
                let mode = name == "lock.mdb" ? lock : 0o444
                try files.setAttributes([.posixPermissions: mode], ofItemAtPath: "\(vigil.data)/\(name)")
            }
            for path in [vigil.directory, vigil.data] {
                try files.setAttributes([.posixPermissions: 0o555], ofItemAtPath: path)
            }
            defer {
                for path in [vigil.directory, vigil.data] {
                    try? files.setAttributes([.posixPermissions: 0o755], ofItemAtPath: path)
                }
            }
            try await body { (arguments: String...) in
                let errors = NSTemporaryDirectory() + "/vigil-errors-\(UUID().uuidString)"
                defer { try? files.removeItem(atPath: errors) }
                let user = getuid() == 0 ? ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] : []
                let call = user + [program] + arguments
                let child = try ChildProcess(
                    call[0], Array(call.dropFirst()), environment: ["VIGIL_DATA": vigil.data], errors: errors)
                var lines: [String] = []
                for await line in child.lines { lines.append(line) }
                return (lines, try String(contentsOfFile: errors, encoding: .utf8), await child.status())
            }
        }
    }

    @Test func aCursorCanBeReadAndNotWritten() async throws {
        try await withReader(lock: 0o666) { run in
            #expect(try await run("get", "k").lines == ["10"])
            #expect(try await run("watch", "k", "--from", "8", "--until", "head").lines.count == 3)
            let shown = try await run("cursor", "ls")
            #expect(shown.status == 0 && shown.lines.first?.contains("5  c") == true, "\(shown)")
            for outcome in try await [
                run("cursor", "set", "c", "3"), run("cursor", "set", "new", "now"), run("cursor", "rm", "c"),
                run("watch", "k", "--cursor", "c", "--until", "head"),
            ] {
                #expect(outcome.status == 3 && outcome.lines.isEmpty, "\(outcome)")
                #expect(outcome.errors.contains("may not write the store's files"), "\(outcome)")
            }
            #expect(try await run("cursor", "ls", "--json").lines.first?.contains(#""acknowledged":5"#) == true)
            let put = try await run("put", "k", "v")
            #expect(put.status == 3 && put.errors.contains("ermission denied"), "\(put)")
        }
    }

    @Test func whoReadsWritesTheTableOfReaders() async throws {
        try await withReader(lock: 0o444) { run in
            let outcome = try await run("get", "k")
            #expect(
                outcome.status == 3 && outcome.errors.contains("lock.mdb, where LMDB notes who reads"), "\(outcome)")
        }
    }
}
