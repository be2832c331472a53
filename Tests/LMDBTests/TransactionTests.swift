import LMDB
import Testing

@Suite struct TransactionTests {
    @Test func whatWasPutCanBeRead() throws {
        let fixture = try Fixture()
        try fixture.fill(["a", "b"])
        try fixture.environment.withWrite { transaction in
            try transaction.put(fixture.database, "a", "new")
            try transaction.put(fixture.database, "empty", "")
            let seen = try transaction.get(fixture.database, "a")
            #expect(seen == "new")
            let deleted = [
                try transaction.delete(fixture.database, "b"), try transaction.delete(fixture.database, "b"),
            ]
            #expect(deleted == [true, false])
        }
        try fixture.environment.withRead { transaction in
            let values = try ["a", "empty", "b"].map { try transaction.get(fixture.database, $0) }
            #expect(values == ["new", "", nil])
            let entries = try transaction.entries(fixture.database)
            #expect(entries == 2)
        }
    }

    @Test func aThrowingWriteChangesNothing() throws {
        struct Stop: Error {}
        let fixture = try Fixture()
        try fixture.fill(["a"])
        #expect(throws: Stop.self) {
            try fixture.environment.withWrite { transaction in
                try transaction.put(fixture.database, "b", "b")
                throw Stop()
            }
        }
        #expect(try fixture.keys() == ["a"])
    }

    @Test func aReadKeepsItsView() throws {
        let fixture = try Fixture()
        try fixture.fill(["a"])
        try fixture.environment.withRead { transaction in
            // Another thread's write would do the same; LMDB allows this one because reads belong to no thread.
            try fixture.fill(["b"])
            let entries = try transaction.entries(fixture.database)
            #expect(entries == 1)
        }
        #expect(try fixture.keys() == ["a", "b"])
    }

    @Test func readsNest() throws {
        let fixture = try Fixture()
        try fixture.fill(["a"])
        try fixture.environment.withRead { outer in
            try fixture.fill(["b"])
            try fixture.environment.withRead { inner in
                let entries = [try inner.entries(fixture.database), try outer.entries(fixture.database)]
                #expect(entries == [2, 1])
                let identifiers = (inner.identifier(), outer.identifier())
                #expect(identifiers.0 == identifiers.1 + 1)
            }
        }
    }

    @Test func keysAreOneToFiveHundredElevenBytes() throws {
        let fixture = try Fixture()
        let longest = String(repeating: "k", count: fixture.environment.maximumKeyBytes)
        #expect(longest.utf8.count == 511)
        try fixture.fill([longest])
        #expect(try fixture.keys() == [longest])
        for key in ["", longest + "k"] {
            #expect(codeThrown { try fixture.fill([key]) } == LMDBError.badValueSize)
        }
        #expect(try fixture.environment.withRead { try $0.get(fixture.database, longest + "k") } == nil)
    }

    @Test func appendingOutOfOrderFails() throws {
        let fixture = try Fixture()
        try fixture.environment.withWrite { transaction in
            try transaction.put(fixture.database, "a", "", .append)
            try transaction.put(fixture.database, "b", "", .append)
            for key in ["b", "a"] {
                let code = codeThrown { try transaction.put(fixture.database, key, "", .append) }
                #expect(code == LMDBError.keyExists)
            }
        }
        #expect(try fixture.keys() == ["a", "b"])
    }

    @Test func noOverwriteLeavesWhatIsThere() throws {
        let fixture = try Fixture()
        try fixture.fill(["a"])
        try fixture.environment.withWrite { transaction in
            let code = codeThrown { try transaction.put(fixture.database, "a", "x", .noOverwrite) }
            #expect(code == LMDBError.keyExists)
            try transaction.put(fixture.database, "b", "x", .noOverwrite)
            let value = try transaction.get(fixture.database, "a")
            #expect(value == "a")
        }
    }

    @Test func largeValuesAndStatistics() throws {
        let fixture = try Fixture()
        let large = String(repeating: "v", count: 100_000)
        try fixture.environment.withWrite { try $0.put(fixture.database, "large", large) }
        try fixture.environment.withRead { transaction in
            let value = try transaction.get(fixture.database, "large")
            #expect(value == large)
            let statistics = try transaction.statistics(fixture.database)
            #expect(statistics.entries == 1 && statistics.depth == 1 && statistics.leafPages == 1)
            #expect(statistics.bytes > 100_000)
        }
    }
}
