import LMDB
import Testing

/// One move of a cursor.
enum Move {
    case first, last, next, previous, current
    case after(String)
    case before(String)
}

extension Fixture {
    /// The keys at which a new cursor stands after each of `moves`.
    func keys(after moves: Move...) throws -> [String?] {
        try walk { cursor in
            var keys: [String?] = []
            for move in moves {
                let key: String? =
                    switch move {
                    case .first: try cursor.first()?.name
                    case .last: try cursor.last()?.name
                    case .next: try cursor.next()?.name
                    case .previous: try cursor.previous()?.name
                    case .current: try cursor.current()?.name
                    case .after(let key): try key.withBytes { try cursor.seek(atOrAfter: $0)?.name }
                    case .before(let key): try key.withBytes { try cursor.seek(atOrBefore: $0)?.name }
                    }
                keys.append(key)
            }
            return keys
        }
    }
}

@Suite struct CursorTests {
    @Test func walksBothWays() throws {
        let fixture = try Fixture()
        try fixture.fill(["b", "d", "f"])
        #expect(
            try fixture.keys(after: .next, .next, .current, .previous, .previous) == ["b", "d", "d", "b", nil])
        #expect(try fixture.keys(after: .previous, .previous, .last, .next) == ["f", "d", "f", nil])
        #expect(try fixture.keys(after: .current, .first, .current) == [nil, "b", "b"])
    }

    @Test(
        arguments: [
            ("", "b", nil), ("a", "b", nil), ("b", "b", "b"), ("bb", "d", "b"), ("d", "d", "d"), ("e", "f", "d"),
            ("f", "f", "f"), ("g", nil, "f"),
        ] as [(String, String?, String?)])
    func seeks(_ key: String, _ after: String?, _ before: String?) throws {
        let fixture = try Fixture()
        try fixture.fill(["b", "d", "f"])
        #expect(try fixture.keys(after: .after(key), .before(key), .after(key)) == [after, before, after])
    }

    @Test func anEmptyDatabaseHasNoPlaces() throws {
        let fixture = try Fixture()
        let found = try fixture.keys(after: .current, .first, .last, .next, .previous, .after("a"), .before("a"))
        #expect(found == Array(repeating: nil, count: 7))
    }

    @Test func manyPagesInBothDirections() throws {
        let fixture = try Fixture()
        let keys = (10_000..<20_000).map { "key \($0)" }
        try fixture.fill(keys.shuffled())
        #expect(try fixture.keys() == keys)
        let backwards = try fixture.walk { cursor in
            var backwards: [String] = []
            var entry = try cursor.last()
            while let here = entry {
                backwards.append(here.name)
                entry = try cursor.previous()
            }
            return backwards
        }
        #expect(backwards == keys.reversed())
        #expect(try fixture.keys(after: .before("key 14999x"), .next) == ["key 14999", "key 15000"])
    }

    @Test func deletesAndReplacesOnTheWay() throws {
        let fixture = try Fixture()
        try fixture.fill((10..<30).map(String.init))
        try fixture.environment.withWrite { transaction in
            var cursor = try transaction.cursor(fixture.database)
            var entry = try cursor.first()
            while let here = entry {
                let name = here.name
                if Int(name)! % 2 == 1 {
                    try cursor.deleteCurrent()
                } else {
                    try name.withBytes { key in try "changed".withBytes { try cursor.replaceCurrent(key, $0) } }
                }
                entry = try cursor.next()
            }
            try "99".withBytes { try cursor.put($0, $0, .append) }
        }
        #expect(try fixture.keys() == stride(from: 10, to: 30, by: 2).map(String.init) + ["99"])
        #expect(try fixture.walk { try $0.first()?.text } == "changed")
    }
}
