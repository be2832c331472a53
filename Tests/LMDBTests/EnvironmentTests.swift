import LMDB
import Testing

@Suite struct EnvironmentTests {
    @Test func readersGiveTheirSlotsBack() async throws {
        let fixture = try Fixture()
        try fixture.fill(["a"])
        let concurrent = 8
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<concurrent {
                group.addTask {
                    for _ in 0..<2000 {
                        let value = try? fixture.environment.withRead { try $0.get(fixture.database, "a") }
                        #expect(value == "a")
                    }
                }
            }
        }
        let readers = try fixture.environment.info().readers
        #expect(readers.count >= 1 && readers.count <= concurrent + 1)
        #expect(readers.allSatisfy { $0.transaction == nil })
        #expect(
            try fixture.environment.withRead { _ in try fixture.environment.info().readers }
                .contains { $0.transaction != nil })
    }

    @Test func aFullReaderTableIsAnErrorUntilAReadEnds() throws {
        let fixture = try Fixture(maximumReaders: 3)
        try fixture.fill(["a"])
        func nest(_ depth: Int) throws -> Int {
            try fixture.environment.withRead { _ in depth == 0 ? 0 : try nest(depth - 1) + 1 }
        }
        #expect(codeThrown { _ = try nest(3) } == LMDBError.readersFull)
        #expect(try nest(2) == 2)
    }

    @Test func aReadOnlyEnvironmentSeesAndDoesNotTouch() throws {
        let directory = TemporaryDirectory()
        #expect(
            codeThrown { _ = try Environment(path: directory.path, mapBytes: 1 << 20, readOnly: true) }
                == LMDBError.noSuchFile)
        try writeOne(directory)
        let environment = try Environment(path: directory.path, mapBytes: 1 << 30, readOnly: true)
        let database = try environment.openDatabase("test")
        #expect(try environment.withRead { try $0.get(database, "a") } == "b")
        #expect(codeThrown { try environment.withWrite { _ in } } == LMDBError.accessDenied)
        #expect(codeThrown { _ = try environment.openDatabase("other") } == LMDBError.notFound)
        #expect(codeThrown { _ = try environment.openDatabase("other", create: true) } == LMDBError.accessDenied)
        #expect(try environment.openDatabase("test") == database)
    }

    @Test func twoEnvironmentsInOneProcess() throws {
        let (one, two) = (try Fixture(), try Fixture())
        try one.fill(["one"])
        try two.fill(["two"])
        #expect(try one.keys() == ["one"])
        #expect(try two.keys() == ["two"])
        #expect(codeThrown { _ = try Environment(path: one.directory.path, mapBytes: 1 << 20) } == LMDBError.busy)
        #expect(try one.keys() == ["one"])
    }

    @Test func whatWasWrittenIsThereAfterReopening() throws {
        let directory = TemporaryDirectory()
        try writeOne(directory)
        for _ in 0..<3 {
            let environment = try Environment(path: directory.path, mapBytes: 1 << 16)
            let database = try environment.openDatabase("test", create: true)
            #expect(try environment.withRead { try $0.get(database, "a") } == "b")
        }
    }

    @Test func moreDatabasesThanAllowed() throws {
        let directory = TemporaryDirectory()
        let environment = try Environment(path: directory.path, mapBytes: 1 << 20, maximumDatabases: 2)
        let opened = try environment.openDatabases(["x", "y"], create: true)
        #expect(opened.map(\.name) == ["x", "y"])
        #expect(codeThrown { _ = try environment.openDatabase("z", create: true) } == LMDBError.databasesFull)
    }

    @Test(arguments: [false, true])
    func aCopyIsComplete(compact: Bool) throws {
        let fixture = try Fixture()
        let keys = (1000..<5000).map(String.init)
        try fixture.fill(keys)
        let destination = TemporaryDirectory()
        try fixture.environment.copy(to: destination.path, compact: compact)
        try fixture.environment.sync()
        let copy = try Environment(path: destination.path, mapBytes: 1 << 26)
        let database = try copy.openDatabase("test")
        #expect(try copy.withRead { try $0.entries(database) } == keys.count)
    }
}

/// Makes an environment with the database `test`, which holds `b` at the key `a`, and closes it.
func writeOne(_ directory: TemporaryDirectory) throws {
    let environment = try Environment(path: directory.path, mapBytes: 1 << 20)
    let database = try environment.openDatabase("test", create: true)
    try environment.withWrite { try $0.put(database, "a", "b") }
}
