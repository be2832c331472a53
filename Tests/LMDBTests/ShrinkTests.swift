import LMDB
import Testing
import Threads

@Suite struct ShrinkTests {
    /// A thousand keys in each of three databases, of which one in ten stays.
    private func fill(_ environment: Environment, _ databases: [Database]) throws {
        for database in databases {
            try environment.withWrite { transaction in
                for number in 0..<1000 {
                    try transaction.put(database, "\(number)", "\(database.name) " + String(repeating: "v", count: 500))
                }
            }
            try environment.withWrite { transaction in
                for number in 0..<1000 where number % 10 != 0 { try transaction.delete(database, "\(number)") }
            }
        }
    }

    private func verify(_ environment: Environment, _ databases: [Database]) throws {
        try environment.withRead { transaction in
            for database in databases {
                let (entries, last) = (try transaction.entries(database), try transaction.get(database, "990"))
                #expect(entries == 100 && last?.hasPrefix("\(database.name) v") == true)
            }
        }
        try environment.verifyPages()
    }

    @Test func givesFreePagesBackAndKeepsTheRest() throws {
        let directory = TemporaryDirectory()
        let environment = try Environment(path: directory.path, mapBytes: 1 << 26)
        let databases = try environment.openDatabases(["c", "a", "b"], create: true)
        try fill(environment, databases)
        let before = try environment.fileBytes()
        let free = try environment.withRead { try $0.freePages() } * environment.pageBytes
        #expect(free > before / 2)
        try environment.shrink()
        let after = try environment.fileBytes()
        #expect(after <= before - free)
        #expect(try environment.withRead { try $0.freePages() } == 0)
        try verify(environment, databases)
        // What is written now is written to the new file, also after an opening.
        try environment.withWrite { try $0.put(databases[0], "990", "c v2") }
        environment.close()
        let again = try Environment(path: directory.path, mapBytes: 1 << 26)
        let found = try again.openDatabases(["a", "b", "c"])
        try verify(again, found)
        #expect(try again.withRead { try $0.get(found[2], "990") } == "c v2")
    }

    @Test func whatIsWrittenMeanwhileIsNotLost() throws {
        let fixture = try Fixture()
        try fixture.fill(["a", "b"])
        #expect(codeThrown { try fixture.environment.shrink(copied: { try fixture.fill(["c"]) }) } == LMDBError.busy)
        #expect(try fixture.keys() == ["a", "b", "c"])
        try fixture.environment.shrink()
        #expect(try fixture.keys() == ["a", "b", "c"])
    }

    @Test func ifTheCopyIsGoneNothingHasChanged() throws {
        let fixture = try Fixture()
        try fixture.fill(["a", "b"])
        let code = codeThrown {
            try fixture.environment.shrink(copied: { Environment.removeCompactCopy(in: fixture.directory.path) })
        }
        #expect(code == LMDBError.noSuchFile)
        try fixture.fill(["c"])
        #expect(try fixture.keys() == ["a", "b", "c"])
    }

    /// A read that does not end cannot be waited for for ever, but one that ends is.
    @Test func waitsForReadsThatAreOpen() throws {
        let fixture = try Fixture()
        try fixture.fill(["a"])
        let isCopied = Monitor(false)
        let reader = OSThread {
            try? fixture.environment.withRead { transaction in
                isCopied.wait { $0 ? () : nil }
                let value = try transaction.get(fixture.database, "a")
                #expect(value == "a")
            }
        }
        while try fixture.environment.info().readers.allSatisfy({ $0.transaction == nil }) {}
        try fixture.environment.shrink(copied: { isCopied.notify { $0 = true } })
        reader.join()
        #expect(try fixture.keys() == ["a"])
    }

    /// Reads at all times, while the file is swapped again and again beneath them.
    @Test func readsGoOn() throws {
        let directory = TemporaryDirectory()
        let environment = try Environment(path: directory.path, mapBytes: 1 << 26)
        let databases = try environment.openDatabases(["a", "b"], create: true)
        try fill(environment, databases)
        let isDone = Lock(false)
        let failures = Lock<[String]>([])
        let readers = (0..<3).map { _ in
            OSThread {
                while !isDone.withLock({ $0 }) {
                    do {
                        let count = try environment.withRead { try $0.entries(databases[1]) }
                        if count < 100 { failures.withLock { $0.append("\(count) entries") } }
                    } catch {
                        failures.withLock { $0.append("\(error)") }
                    }
                }
            }
        }
        for round in 0..<20 {
            try environment.withWrite { try $0.put(databases[1], "new \(round)", "x") }
            try environment.shrink()
        }
        isDone.withLock { $0 = true }
        for reader in readers { reader.join() }
        #expect(failures.withLock { $0 } == [])
        #expect(try environment.withRead { try $0.entries(databases[1]) } == 120)
    }
}
