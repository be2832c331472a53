import LMDB
import Testing
import Threads

/// Pages are verified before they are used, and opening reads few of them.
@Suite struct VerificationTests {
    /// A database with `values` long values and a small one, and the last leaf of many nodes damaged: it says that its
    /// first one is somewhere else.
    private func damaged(values: Int) throws -> TemporaryDirectory {
        let directory = TemporaryDirectory()
        let environment = try Environment(path: directory.path, mapBytes: 1 << 28)
        let databases = try environment.openDatabases(["large", "small"], create: true)
        try environment.withWrite { transaction in
            let value = String(repeating: "v", count: 6000)
            for index in 0..<values { try transaction.put(databases[0], "\(10_000 + index)", value, .append) }
            try transaction.put(databases[1], "key", "value")
        }
        environment.close()
        var bytes = directory.read()
        let leaf = try #require(
            (2..<bytes.count / 4096).last { bytes[$0 * 4096 + 10] == 2 && bytes[$0 * 4096 + 12] > 40 })
        bytes[leaf * 4096 + 17] ^= 0x80
        directory.write(bytes)
        return directory
    }

    private enum Use: CaseIterable {
        case get, cursor, getToWrite, put, delete, cursorPut, cursorDelete, create, copy, shrink
    }

    /// Uses it for the first time, in a way that LMDB could crash on.
    private func use(_ environment: Environment, _ use: Use) throws {
        let databases = try environment.openDatabases(["large", "small"])
        switch use {
        case .get: _ = try environment.withRead { try $0.get(databases[0], "10000") }
        case .cursor:
            try environment.withRead { transaction in
                var cursor = try transaction.cursor(databases[0])
                _ = try cursor.last()
            }
        case .getToWrite: _ = try environment.withWrite { try $0.get(databases[0], "10000") }
        case .put: try environment.withWrite { try $0.put(databases[1], "key", "other") }
        case .delete: try environment.withWrite { _ = try $0.delete(databases[1], "key") }
        case .cursorPut:
            try environment.withWrite { transaction in
                var cursor = try transaction.cursor(databases[1])
                try "key".withBytes { key in try "other".withBytes { try cursor.put(key, $0) } }
            }
        case .cursorDelete:
            try environment.withWrite { transaction in
                var cursor = try transaction.cursor(databases[1])
                _ = try cursor.first()
                try cursor.deleteCurrent()
            }
        case .create: _ = try environment.openDatabase("new", create: true)
        case .copy:
            let destination = TemporaryDirectory()
            try environment.copy(to: destination.path, compact: true)
        case .shrink: try environment.shrink()
        }
    }

    @Test(arguments: [100, 2000])
    func everyFirstUseFindsTheDamage(_ values: Int) throws {
        let directory = try damaged(values: values)
        let before = directory.read()
        for first in Use.allCases {
            let environment = try Environment(path: directory.path, mapBytes: 1 << 28)
            let small = try environment.openDatabases(["small"], create: true)[0]
            #expect(try environment.withRead { try $0.get(small, "key") } == "value", "\(first)")
            #expect(try environment.withWrite { try $0.get(small, "key") } == "value", "\(first)")
            for _ in 0..<2 { #expect(codeThrown { try use(environment, first) } == LMDBError.corrupted, "\(first)") }
            // Whatever comes after it finds it too.
            for next in Use.allCases {
                #expect(codeThrown { try use(environment, next) } == LMDBError.corrupted, "\(next) after \(first)")
            }
            environment.close()
        }
        #expect(directory.read() == before, "the file was touched")
    }

    /// What takes too many reads is used unverified, until it is verified as a whole.
    @Test func aLargeFileIsNotVerifiedBeforeItIsUsed() throws {
        let directory = try damaged(values: 8200)
        let environment = try Environment(path: directory.path, mapBytes: 1 << 28)
        #expect(codeThrown { try use(environment, .get) } == nil)
        #expect(codeThrown { try environment.verifyPages() } == LMDBError.corrupted)
    }

    /// A small file is verified as a whole when it is opened.
    @Test func aSmallFileIsRefused() throws {
        let directory = try damaged(values: 20)
        #expect(codeThrown { _ = try Environment(path: directory.path, mapBytes: 1 << 28) } == LMDBError.corrupted)
    }

    /// Many threads use a sound environment for the first time at once, some to write.
    @Test func firstUsesAtOnce() throws {
        for round in 0..<20 {
            let fixture = try Fixture()
            try fixture.fill((0..<20_000).map { "\(100_000 + $0)" })
            fixture.environment.close()
            let environment = try Environment(path: fixture.directory.path, mapBytes: 1 << 26)
            let database = try environment.openDatabase("test")
            let failures = Lock<[String]>([])
            let threads = (0..<4).map { number in
                OSThread {
                    do {
                        if number == 0 {
                            try environment.withWrite { try $0.put(database, "new", "\(round)") }
                        }
                        let found = try environment.withRead { try $0.get(database, "100007") }
                        if found != "100007" { failures.withLock { $0.append("found \(found ?? "nothing")") } }
                    } catch {
                        failures.withLock { $0.append("\(error)") }
                    }
                }
            }
            for thread in threads { thread.join() }
            #expect(failures.withLock { $0 } == [])
            #expect(try environment.withRead { try $0.get(database, "new") } == "\(round)")
            #expect(try environment.verifyPages() > 64)
        }
    }
}
