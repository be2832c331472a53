import Changes
import LMDB
import TestSupport
import Testing

@testable import RevisionLog

/// When a store gets a dictionary, and that what is read stays what was written.
@Suite struct ValuePackerTests {
    /// A store and what its keys hold.
    private struct Written: ~Copyable {
        let double: WriterDouble
        var held: [Bytes: Bytes] = [:]
        var random = SeededGenerator(1)

        init(_ path: String) throws { double = try WriterDouble(path) }

        mutating func put(_ count: Int, _ value: (Int, inout SeededGenerator) -> Bytes) throws {
            for number in 0..<count {
                let key = Bytes("k/\(number)")
                held[key] = value(number, &random)
                try double.put(key, held[key]!)
            }
            try double.checkpoint()
            try verify()
        }

        func verify() throws {
            for (key, value) in held { #expect(try double.reader.get(key, at: nil)?.value == value) }
            #expect(try double.reader.check(deep: true, progress: nil).problems.isEmpty)
        }

        var dictionaries: Int { get throws { try double.count { $0.dictionaries! } } }

        /// How many entries of `state` are of each type.
        var types: [UInt8: Int] {
            get throws {
                try double.reader.environment.withRead { transaction in
                    var types: [UInt8: Int] = [:]
                    var cursor = try transaction.cursor(double.reader.databases.state)
                    var found = try cursor.first()
                    while let entry = found {
                        types[entry.value[4], default: 0] += 1
                        found = try cursor.next()
                    }
                    return types
                }
            }
        }
    }

    private static func noise(_ count: Int, _ random: inout SeededGenerator) -> Bytes {
        Bytes((0..<count).map { _ in UInt8(random.below(256)) })
    }

    /// Of another kind than ``jsonValue``.
    private static func unit(_ number: Int, _ random: inout SeededGenerator) -> Bytes {
        Bytes(
            """
            [Unit]\nDescription=Worker \(number) of the night shift\nAfter=network-online.target\n[Service]\n\
            ExecStart=/usr/bin/worker --shard \(random.below(1000)) --queue urgent\nRestart=on-failure\nMemoryMax=64M\n
            """)
    }

    @Test func theFirstCheckpointThatIsLargeEnoughMakesOne() throws {
        try inTemporaryDirectory { path in
            var written = try Written(path)
            try written.put(50, jsonValue)
            #expect(try written.dictionaries == 0, "of 14 KiB")
            try written.put(200, jsonValue)
            #expect(try written.dictionaries == 1)
            #expect(try written.types == [4: 200])
        }
    }

    /// However little each of them has.
    @Test func manySmallCheckpointsMakeOneToo() throws {
        try inTemporaryDirectory { path in
            var written = try Written(path)
            var checkpoints = 0
            while try written.dictionaries == 0, checkpoints < 100 {
                try written.put(3, jsonValue)
                checkpoints += 1
            }
            #expect((30...50).contains(checkpoints), "\(checkpoints) checkpoints of some 900 bytes make 32 KiB")
        }
    }

    @Test func valuesThatAreNotAlikeMakeNone() throws {
        try inTemporaryDirectory { path in
            var written = try Written(path)
            try written.put(500) { _, random in Self.noise(200, &random) }
            try written.put(500) { number, _ in "v\(number)" }
            #expect(try written.dictionaries == 0)
            #expect(try written.types == [0: 500])
        }
    }

    @Test func otherValuesMakeAnotherAndTheFirstIsTakenAgain() throws {
        try inTemporaryDirectory { path in
            var written = try Written(path)
            try written.put(300, jsonValue)
            // There are samples of both for a while.
            for _ in 0..<3 { try written.put(300, Self.unit) }
            #expect(try (2...3).contains(written.dictionaries))
            let before = try written.dictionaries
            for _ in 0..<3 { try written.put(300, jsonValue) }
            #expect(try written.types == [4: 300])
            #expect(try written.dictionaries == before)
        }
    }

    @Test func whatIsNotAlikeAnyMoreIsStoredAsItIs() throws {
        try inTemporaryDirectory { path in
            var written = try Written(path)
            try written.put(300, jsonValue)
            for _ in 0..<3 { try written.put(300) { _, random in Self.noise(300, &random) } }
            #expect(try written.types == [0: 300])
            #expect(try written.dictionaries == 1)
        }
    }

    @Test func thereIsABoundOnThem() throws {
        try inTemporaryDirectory { path in
            var written = try Written(path)
            for kind in 0..<Limits.dictionaries + 4 {
                let words = (0..<8).map { _ in String(written.random.next(), radix: 36) }
                for _ in 0..<3 {
                    try written.put(300) { number, random in
                        Bytes("\(kind) \(words.joined(separator: ":")) \(number) \(random.below(1000))")
                    }
                }
            }
            #expect(try written.dictionaries == Limits.dictionaries)
        }
    }

    /// What a store has is used from the first write on, also for `base`.
    @Test func afterOpeningTheNewestCounts() throws {
        try inTemporaryDirectory { path in
            do {
                var written = try Written(path)
                try written.put(300, jsonValue)
                written.double.reader.environment.close()
            }
            var written = try Written(path)
            try written.put(1, jsonValue)
            try written.put(1, jsonValue)
            #expect(try written.types == [4: 300])
            try written.double.compact(through: written.double.state.head)
            try written.verify()
            let base = try written.double.reader.environment.withRead { transaction in
                try Bytes("k/0").withUnsafeBytes { try transaction.get(written.double.reader.databases.base, $0)?[4] }
            }
            #expect(base == 4)
        }
    }

    /// A checkpoint that fails leaves no entry whose dictionary is not there.
    @Test func whatCouldNotBeWrittenComesWithTheNextTransaction() throws {
        try inTemporaryDirectory { path in
            let store = try WriterDouble(path)
            let values = ValuePacker(lookBytes: 1)
            let (environment, databases) = (store.reader.environment, store.reader.databases)
            var random = SeededGenerator(1)
            for number in 0..<200 { try store.put("k", jsonValue(number, &random)) }
            try values.load(environment, databases)
            values.prepare(store.state.snapshot.recent, after: 0)
            #expect(values.unwritten.map(\.number) == [1] && values.current?.dictionary.number == 1)
            struct Failure: Error {}
            #expect(throws: Failure.self) {
                try environment.withWrite { transaction in
                    try transaction.put(values, databases)
                    throw Failure()
                }
            }
            #expect(try store.count { $0.dictionaries! } == 0 && values.unwritten.count == 1)
            try environment.withWrite { try $0.put(values, databases) }
            values.written()
            #expect(try store.count { $0.dictionaries! } == 1 && values.unwritten.isEmpty)
            // Who comes later finds it.
            let others = ValuePacker(lookBytes: 1)
            try others.load(environment, databases)
            #expect(others.current?.dictionary == values.current?.dictionary)
        }
    }

    @Test func neverMeansNever() throws {
        let values = ValuePacker(lookBytes: .max)
        try inTemporaryDirectory { path in
            let store = try WriterDouble(path)
            var random = SeededGenerator(1)
            for number in 0..<1000 { try store.put("k", jsonValue(number, &random)) }
            values.prepare(store.state.snapshot.recent, after: 0)
            #expect(values.unwritten.isEmpty && values.current == nil)
        }
    }

    // MARK: Damage

    private static let number: [UInt8] = [0, 0, 0, 1]

    /// What a check finds after `damage` to the dictionary of a store, and whether its values can be read.
    private func found(
        _ damage: (Databases, borrowing WriteTransaction) throws -> Void
    ) throws -> (problems: [String], isReadable: Bool) {
        try inTemporaryDirectory { path in
            var written = try Written(path)
            try written.put(200, jsonValue)
            let (environment, databases) = (written.double.reader.environment, written.double.reader.databases)
            try environment.withWrite { try damage(databases, $0) }
            // Of another process, which has read none yet.
            environment.close()
            let again = try WriterDouble(path)
            let problems = try again.reader.check(deep: true, progress: nil).problems
            let error = storeError { _ = try again.reader.get("k/0", at: nil) }
            #expect(error == nil || error?.code == .damaged && error!.message.contains("dictionary 1"), "\(error!)")
            return (problems.map { "\($0.part) \($0.place): \($0.message)" }, error == nil)
        }
    }

    @Test func oneOfTheTwoPlacesIsEnough() throws {
        for place in [\Databases.dictionaries!, \.meta] {
            let broken = try found { databases, transaction in
                try transaction.put(databases[keyPath: place], Self.number, [1, 2, 3])
            }
            #expect(broken.isReadable && broken.problems.count == 1)
            #expect(broken.problems.first?.hasSuffix("dictionary 1: does not match its checksum") == true)
            let gone = try found { databases, transaction in
                _ = try Self.number.withUnsafeBytes { try transaction.delete(databases[keyPath: place], $0) }
            }
            #expect(gone.isReadable && gone.problems.count == 1, "\(gone.problems)")
            let other = try found { databases, transaction in
                let other = ValueDictionary(number: 1, bytes: [1])
                try transaction.put(databases.meta, other.key, other.encoded())
            }
            #expect(other.isReadable && other.problems.count == 1)
        }
    }

    @Test func withoutBothItIsAnError() throws {
        let found = try found { databases, transaction in
            try transaction.put(databases.dictionaries!, Self.number, [1, 2, 3])
            try transaction.put(databases.meta, Self.number, [1, 2, 3])
        }
        #expect(!found.isReadable && found.problems.count > 2, "\(found.problems)")
    }

    @Test func whatIsNoDictionaryIsFound() throws {
        let found = try found { databases, transaction in
            try transaction.put(databases.dictionaries!, [0, 0, 0, 99], [1, 2, 3])
        }
        #expect(found.isReadable && found.problems == ["dictionaries end: has 2 entries, of which 1 are dictionaries"])
    }
}

extension WriterDouble {
    /// The entries of a database.
    fileprivate func count(_ database: (Databases) -> Database) throws -> Int {
        try reader.environment.withRead { try $0.entries(database(reader.databases)) }
    }
}
