import Changes
import LMDB
import TestSupport
import Testing

@testable import RevisionLog

/// Random puts, deletes, look-ups and walks of keys of all lengths, against a dictionary.
@Suite struct KeyTreeTests {
    @Test(arguments: UInt64(1)...8) func behavesAsADictionary(_ seed: UInt64) throws {
        try inTemporaryDirectory { path in
            let environment = try Environment(path: path, mapBytes: 64 << 20)
            defer { environment.close() }
            let databases = try Databases(environment, create: true)
            var random = SeededGenerator(seed)
            // Another tree in the same rows, which must not be met.
            let trees = [databases.state, databases.base]
            var models: [[Bytes: Bytes]] = [[:], [:]]
            for round in 0..<40 {
                // Some rounds empty what others filled.
                let deletes = round % 10 > 6 || round > 36
                try environment.withWrite { transaction in
                    for _ in 0..<20 {
                        let which = random.below(2)
                        let key = random.longOrShortKey()
                        let existing = models[which].keys.sorted()
                        if deletes, let gone = random.chance(5) ? key : existing.first {
                            let isThere = try gone.withUnsafeBytes { try transaction.delete(trees[which], $0) }
                            #expect(isThere == (models[which].removeValue(forKey: gone) != nil), "seed \(seed)")
                        } else {
                            let value = Bytes("\(random.below(1000))")
                            try key.withUnsafeBytes { key in
                                try value.withUnsafeBytes { try transaction.put(trees[which], key, $0) }
                            }
                            models[which][key] = value
                        }
                    }
                }
                try environment.withRead { transaction in
                    for (tree, model) in zip(trees, models) { try compare(tree, model, &random, seed, transaction) }
                }
            }
            for (tree, model) in zip(trees, models) {
                try environment.withWrite { transaction in
                    for key in model.keys.shuffled(using: &random) {
                        let isThere = try key.withUnsafeBytes { try transaction.delete(tree, $0) }
                        #expect(isThere, "seed \(seed)")
                    }
                }
            }
            // No row is left behind.
            #expect(try environment.withRead { try $0.entries(databases.long!) } == 0, "seed \(seed)")
        }
    }

    private func compare(
        _ tree: KeyTree, _ model: [Bytes: Bytes], _ random: inout SeededGenerator, _ seed: UInt64,
        _ transaction: borrowing ReadTransaction
    ) throws {
        let sorted = model.keys.sorted()
        for _ in 0..<4 {
            let key = random.longOrShortKey()
            let found = try key.withUnsafeBytes { try transaction.get(tree, $0).map { Bytes(copying: $0) } }
            #expect(found == model[key], "seed \(seed)")
            var cursor = try transaction.cursor(tree)
            var entry = try key.withUnsafeBytes { try cursor.seek(atOrAfter: $0) }
            #expect(
                try walk(&cursor, &entry, model, seed) == sorted.filter { $0 >= key }, "seed \(seed)")
            entry = try key.withUnsafeBytes { try cursor.seek(below: $0) }
            #expect(try walk(&cursor, &entry, model, seed) == sorted.filter { $0 < key }.reversed(), "seed \(seed)")
        }
        var cursor = try transaction.cursor(tree)
        var entry = try cursor.first()
        #expect(try walk(&cursor, &entry, model, seed) == sorted, "seed \(seed)")
        entry = try cursor.seek(below: nil)
        #expect(try walk(&cursor, &entry, model, seed) == sorted.reversed(), "seed \(seed)")
    }

    private func walk(
        _ cursor: inout KeyCursor, _ entry: inout KeyEntry?, _ model: [Bytes: Bytes], _ seed: UInt64
    ) throws -> [Bytes] {
        var keys: [Bytes] = []
        while let here = entry {
            keys.append(Bytes(copying: here.key))
            #expect(Bytes(copying: here.value) == model[keys.last!], "seed \(seed)")
            entry = try cursor.next()
        }
        return keys
    }

    @Test func rowsThatMakeNoSenseAreRefused() throws {
        let key = [UInt8](repeating: 7, count: 600)
        let row = key.withUnsafeBytes { LongRow.key(20, $0.steps.rest) }
        let link = key.withUnsafeBytes { LongRow.key(20, $0.steps.whole[0]) }
        let entry = key.withUnsafeBytes { LongRow.entry(.state, $0, .init(start: nil, count: 0), under: row) }
        func reason(_ row: [UInt8], _ value: [UInt8]) -> String? {
            row.withUnsafeBytes { row in value.withUnsafeBytes { value in malformed { try LongRow(row, value) } } }?
                .reason
        }
        func sealed(_ value: [UInt8], under row: [UInt8]) -> [UInt8] {
            var value = value
            row.withUnsafeBytes { value.seal(under: $0) }
            return value
        }
        #expect(reason(row, entry) == nil)
        #expect(reason(link, LongRow.link(to: 21, under: link)) == nil)
        for byte in entry.indices {
            var flipped = entry
            flipped[byte] ^= 4
            #expect(reason(row, flipped) != nil, "byte \(byte)")
        }
        for count in 0..<entry.count { #expect(reason(row, Array(entry[..<count])) != nil) }
        #expect(reason(Array(row[..<7]), entry) != nil)
        #expect(reason(row + [7], entry) != nil)
        // With a checksum that holds.
        #expect(reason(link, sealed(entry, under: link)) == "row that is no link")
        #expect(reason(row, LongRow.link(to: 21, under: row)) == "row of kind 16")
        for node: UInt64 in [0, 19, 20] {
            #expect(reason(link, LongRow.link(to: node, under: link)) == "link from node 20 to \(node)")
        }
        var other = entry
        for kind: UInt8 in [0, 1, 2, 15, 20, 255] {
            other[4] = kind
            #expect(reason(row, sealed(other, under: row)) == "row of kind \(kind)")
        }
        let elsewhere = row + [7]
        #expect(reason(elsewhere, sealed(entry, under: elsewhere))?.contains("600 bytes") == true)
    }
}

extension SeededGenerator {
    /// One of few keys, of which many begin alike and end where a step does, or one byte before or after.
    fileprivate mutating func longOrShortKey() -> Bytes {
        if chance(4) { return Bytes("\(below(5))") }
        let step = LongRow.stepBytes
        let around = [0, step, 2 * step, 3 * step, 511, 4096][below(6)]
        let count = min(4096, max(1, around + below(3) - 1))
        var key = [UInt8](repeating: 0x6B, count: count)
        if chance(2) { key[below(2) == 0 ? count - 1 : below(count)] = [0, 0x6C, 0xFF][below(3)] }
        return Bytes(key)
    }
}
