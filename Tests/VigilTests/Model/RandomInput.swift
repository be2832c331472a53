import TestSupport
import Vigil

/// Random requests over few keys, so that they meet.
struct RandomInput {
    var random: SeededGenerator

    init(seed: UInt64) {
        random = SeededGenerator(seed)
    }

    mutating func key() -> Bytes {
        let words: [Bytes] = [
            "a", "a/b", "a/c", "b", "b/\u{e9}", "c", Bytes([0xFF]), Bytes([0xFF, 0xFF, 1]), "zz/long/key",
        ]
        if random.chance(8) { return longKey() }
        if random.chance(4) { return Bytes("k/\(random.below(30))") }
        return words[random.below(words.count)]
    }

    /// Longer than LMDB takes, or nearly: keys that begin with each other, and end where their storage goes on elsewhere.
    mutating func longKey() -> Bytes {
        var key = Array("b/".utf8) + [UInt8](repeating: 0x6C, count: 1100)
        key = Array(key.prefix([502, 503, 511, 512, 513, 1006, 1007, 1100][random.below(8)]))
        if random.chance(2) { key[key.count - 1] = random.chance(2) ? 0 : 0xFF }
        return Bytes(key)
    }

    /// Four of them fit into a transaction; large ones do not fit into a page of LMDB. Many are alike, of two kinds.
    mutating func value(upTo limit: Int = 1900) -> Bytes {
        if random.chance(3) {
            let load = random.below(1000)
            if random.chance(4) { return Bytes("[Unit]\nDescription=Worker \(load)\nAfter=network-online.target\n") }
            return Bytes(#"{"service":"checkout","region":"eu-central","healthy":true,"load":0.\#(load)}"#)
        }
        if random.chance(20) { return Bytes([UInt8](repeating: 0xAB, count: random.below(limit))) }
        return Bytes("value \(random.below(1000))")
    }

    mutating func range() -> KeyRange {
        switch random.below(6) {
        case 0: .key(key())
        case 1: .prefix(["a", "a/", "k/", "b", Bytes([0xFF])][random.below(5)])
        case 2: .range(key(), key())
        case 3: .from(key())
        case 4: .all
        default: .prefix("k/1")
        }
    }

    mutating func operation(_ model: ModelStore) -> Transaction.Operation {
        switch random.below(20) {
        case 0: return .rewrite(key())
        case 1: return .transaction(transaction(model))
        case 2:
            let revision = Int64.random(in: max(0, model.compacted - 1)...model.head + 1, using: &random)
            return .range(range(), limit: random.chance(2) ? random.below(4) : nil, at: revision)
        default: return plainOperation()
        }
    }

    private mutating func plainOperation() -> Transaction.Operation {
        switch random.below(8) {
        case 0...3: .put(key(), value())
        case 4: .delete(key())
        case 5: .deleteRange(random.chance(3) ? range() : .prefix("k/1"), returnsPrevious: random.chance(2))
        case 6: .get(key())
        default: .range(range(), limit: random.chance(2) ? random.below(4) : nil)
        }
    }

    mutating func comparison(_ model: ModelStore) -> Transaction.Comparison {
        let key = key()
        let relation = [Transaction.Comparison.Relation.equal, .notEqual, .less, .greater][random.below(4)]
        let present = model.current[key]
        switch random.below(5) {
        case 4: return Transaction.Comparison(all: range(), relation, .version(Int64(random.below(3))))
        case 0: return .value(of: key, relation, present?.value ?? value())
        case 1: return .version(of: key, relation, (present?.version ?? 0) + Int64(random.below(2)))
        case 2: return .createRevision(of: key, relation, present?.createRevision ?? 0)
        default: return .modRevision(of: key, relation, (present?.modRevision ?? 0) + Int64(random.below(2)))
        }
    }

    mutating func transaction(_ model: ModelStore) -> Transaction {
        Transaction(
            when: (0..<random.below(3)).map { _ in comparison(model) },
            then: (0..<random.below(5)).map { _ in operation(model) },
            otherwise: (0..<random.below(3)).map { _ in operation(model) })
    }
}
