import ChildProcess
import Foundation
import TestSupport
import Testing
import Vigil

/// A store with something of everything that the format can say: read from the files that were committed when the format
/// was new, and from those that the present code makes of the same writes. The text beside it has every event, also of
/// the revisions that were compacted: `REVISION TYPE KEY VALUE CREATED VERSION`.
@Suite struct FixtureTests {
    private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("RevisionLogTests/Fixtures")

    @Test(arguments: [1, 2]) func theCommittedFilesAreRead(_ format: Int) async throws {
        try await withTemporaryDirectory { directory in
            try FileManager.default.copyItem(
                atPath: Self.folder.appendingPathComponent("format-\(format)-edges").path, toPath: directory + "/store")
            // Read-only first: it must find in the journal what the writer then moves into LMDB.
            for access in [StoreOptions.Access.readOnly, .readWrite, .readWrite] {
                try await verify(directory + "/store", access, try Self.lines(), hasCursors: format > 1)
            }
        }
    }

    @Test func theSameWritesMakeTheSameStore() async throws {
        try await withTemporaryDirectory { directory in
            let maker = try ChildProcess(built: "CrashWriter", ["fixture", directory + "/store"])
            var printed: [String] = []
            for await line in maker.lines { printed.append(line) }
            #expect(await maker.status() == -SIGKILL)
            #expect(printed == (try Self.lines()))
            try await verify(directory + "/store", .readOnly, printed, hasCursors: true)
        }
    }

    /// Leases, properties and a closing in good order, from the committed files and from newly made ones.
    @Test(arguments: [true, false]) func leasesAndProperties(isCommitted: Bool) async throws {
        try await withTemporaryDirectory { directory in
            let path = directory + "/store"
            if isCommitted {
                try FileManager.default.copyItem(
                    atPath: Self.folder.appendingPathComponent("format-3-leases").path, toPath: path)
            } else {
                let maker = try ChildProcess(built: "CrashWriter", ["fixture-leases", path])
                #expect(await maker.status() == -SIGKILL)
            }
            for access in [StoreOptions.Access.readOnly, .readWrite, .readWrite] {
                let store = try await WatchStore.open(path, options: StoreOptions(access: access))
                #expect(try store.check(deep: true).problems == [])
                #expect(store.head == 9)
                #expect(try store.leases().map(\.id).sorted() == [1, 2, 3])
                #expect(try store.lease(3)?.seconds == 1_000_000_003)
                #expect(try store.keys(ofLease: 1).sorted() == ["leased/4", "leased/5"])
                #expect(try store.keys(ofLease: 2).isEmpty)
                #expect(try store.keys(ofLease: 3) == ["leased/1"])
                #expect(try store.properties("").map(\.name).sorted() == ["empty", "one", "two"])
                #expect(try store.property("two") == [UInt8](repeating: 7, count: 300))
                try await store.close()
            }
        }
    }

    /// Keys longer than LMDB's, from the committed files and from newly made ones.
    @Test(arguments: [true, false]) func longKeys(isCommitted: Bool) async throws {
        try await withTemporaryDirectory { directory in
            let path = directory + "/store"
            if isCommitted {
                try FileManager.default.copyItem(
                    atPath: Self.folder.appendingPathComponent("format-4-long").path, toPath: path)
            } else {
                let maker = try ChildProcess(built: "CrashWriter", ["fixture-long", path])
                #expect(await maker.status() == -SIGKILL)
            }
            for access in [StoreOptions.Access.readOnly, .readWrite, .readWrite] {
                let store = try await WatchStore.open(path, options: StoreOptions(access: access))
                #expect(try store.check(deep: true).problems == [])
                #expect(store.earliest == 11 && store.head == 18)
                func found(at revision: Revision) throws -> [String] {
                    try store.range(.all, RangeOptions(at: revision)).keyValues.map {
                        "\($0.key.string!.first!)\($0.key.count) \($0.value)"
                    }
                }
                #expect(
                    try found(at: 11) == [
                        "k503 first", "k511 second", "k512 first", "k600 first", "k1006 first", "k1007 first",
                        "k1100 first", "l530 v",
                    ])
                #expect(
                    try found(at: 18) == [
                        "k503 first", "k511 second", "k512 third", "k1006 second", "k1100 first",
                        "k4096 the longest key", "l530 v", "l531 v",
                    ])
                let leased = try store.keys(ofLease: 1)
                #expect(leased.map(\.count) == [530, 531])
                try await store.close()
            }
        }
    }

    /// Values compressed with dictionaries, from the committed files and from newly made ones.
    @Test(arguments: [true, false]) func dictionaries(isCommitted: Bool) async throws {
        try await withTemporaryDirectory { directory in
            let path = directory + "/store"
            if isCommitted {
                try FileManager.default.copyItem(
                    atPath: Self.folder.appendingPathComponent("format-5-alike").path, toPath: path)
            } else {
                let maker = try ChildProcess(built: "CrashWriter", ["fixture-alike", path])
                #expect(await maker.status() == -SIGKILL)
            }
            for access in [StoreOptions.Access.readOnly, .readWrite, .readWrite] {
                let store = try await WatchStore.open(path, options: StoreOptions(access: access))
                #expect(try store.check(deep: true).problems == [])
                #expect(store.earliest == 51 && store.head == 125)
                for revision in store.earliest...store.head {
                    let found = try store.range(.all, RangeOptions(at: revision)).keyValues
                    #expect(found.count == (revision <= 61 ? 41 : min(101, 41 + Int(revision) - 61)), "at \(revision)")
                    for pair in found { #expect(pair.value.string == Self.alike(pair), "at \(revision)") }
                }
                try await store.close()
            }
        }
    }

    private static func alike(_ pair: KeyValue) -> String {
        let revision = pair.modRevision
        if pair.key.hasPrefix("units/") {
            return "[Unit]\nDescription=Worker of the night shift\n[Service]\nExecStart=/usr/bin/worker \(revision)\n"
        }
        let load = revision * 7 % 1000
        return #"{"service":"checkout","region":"eu-central","healthy":true,"load":0.\#(load),"at":\#(revision)}"#
    }

    private static func lines() throws -> [String] {
        let text = try String(contentsOf: folder.appendingPathComponent("format-1-edges.txt"), encoding: .utf8)
        return text.split(separator: "\n").map(String.init)
    }

    private func verify(
        _ path: String, _ access: StoreOptions.Access, _ lines: [String], hasCursors: Bool
    ) async throws {
        let store = try await WatchStore.open(path, options: StoreOptions(access: access))
        #expect(try store.check(deep: true).problems == [])
        #expect(store.earliest == 27 && store.head == 45)
        let events = lines.map(FixtureEvent.init)
        let log = try store.log(from: store.earliest).updates.joined().map(FixtureEvent.init)
        #expect(log == events.filter { $0.revision >= store.earliest })
        // Each revision that is retained, as the events up to it make it.
        for revision in store.earliest...store.head {
            var state: [Substring: FixtureEvent] = [:]
            for event in events where event.revision <= revision { state[event.key] = event.isPut ? event : nil }
            let found = try store.range(.all, RangeOptions(at: revision)).keyValues.map(FixtureEvent.init)
            #expect(found.count == state.count, "at \(revision)")
            for event in found { #expect(event == state[event.key], "at \(revision)") }
        }
        let cursors = try store.cursors()
        #expect(cursors.map(\.name) == (hasCursors ? ["holding", "reader"] : []))
        #expect(cursors.map(\.acknowledged) == (hasCursors ? [40, 30] : []))
        #expect(cursors.first?.hold?.then == (hasCursors ? .fail : nil))
        try await store.close()
    }
}

/// One line of the text.
private struct FixtureEvent: Equatable {
    let line: String
    let revision: Revision
    let isPut: Bool
    let key: Substring

    init(_ line: String) {
        let words = line.split(separator: " ", maxSplits: 3, omittingEmptySubsequences: false)
        self.line = line
        revision = Revision(words[0])!
        isPut = words[1] == "put"
        key = words[2]
    }

    init(_ event: WatchEvent) {
        self.init(
            "\(event.revision) \(event.type) \(event.key) \(event.value) \(event.createRevision) \(event.version)")
    }

    init(_ pair: KeyValue) {
        self.init("\(pair.modRevision) put \(pair.key) \(pair.value) \(pair.createRevision) \(pair.version)")
    }
}
