import Foundation
import SwiftProtobuf
import TestSupport
import WireMessages

/// Makes steps of leases.
struct LeaseStepGenerator {
    /// Between two ends of leases that are waited for, which takes seconds.
    private static let stepsBetweenEnds = 250
    private static let keys = ["a", "a/1", "a/2", "b", "c", "d"].map { Data($0.utf8) }
    /// After them, and before those of leases that end: which of them ends first is free.
    private static let end = Data("e".utf8)
    /// Negative ones are ids like others. 0 leaves the choice to the server, when it is granted.
    private static let names: [Int64] = [1, 2, 3, 4, 5, 6, -1, -7, 1 << 35, .max, .min]

    private var random: SeededGenerator
    private let chosen: [Int64]
    private let head: Int64

    static func step(_ index: Int, seed: UInt64, chosen: [Int64], head: Int64) -> LeaseStep {
        var generator = LeaseStepGenerator(
            random: SeededGenerator(seed &+ UInt64(index) &* 0xD134_2543_DE82_EF95), chosen: chosen, head: head)
        if index % stepsBetweenEnds == stepsBetweenEnds / 2 { return generator.end() }
        return generator.step()
    }

    private mutating func step() -> LeaseStep {
        switch random.below(100) {
        case 0..<14: .grant(name: random.chance(6) ? 0 : name(), seconds: seconds())
        case 14..<16: .grantShort(name: name(), seconds: [0, 1, 2, -1, .min, 3][random.below(6)])
        case 16..<24: .revoke(name())
        case 24..<38: .timeToLive(name(), keys: !random.chance(4))
        case 38..<43: .list
        case 43..<50: .keepAlive(name())
        case 50..<72: .put(put())
        case 72..<76: .delete(delete())
        case 76..<90: .transaction(transaction(depth: 0))
        default: .range(range())
        }
    }

    private mutating func end() -> LeaseStep {
        .expire(keys: (0...random.below(2)).map { _ in random.below(4) + 1 }, keptAlive: random.chance(2))
    }

    private mutating func name() -> Int64 {
        if random.chance(40) { return 0 }
        if !chosen.isEmpty, random.chance(5) { return chosen[max(0, chosen.count - 1 - random.below(4))] }
        return Self.names[random.below(random.chance(3) ? Self.names.count : 6)]
    }

    /// Long enough not to end within a run; and some that are refused.
    private mutating func seconds() -> Int64 {
        [600, 3600, 100_000, 9_000_000_000, 9_000_000_001, .max][random.below(random.chance(4) ? 6 : 3)]
    }

    private mutating func key() -> Data { Self.keys[random.below(Self.keys.count)] }

    private mutating func put() -> EtcdPutRequest {
        .with { request in
            request.key = random.chance(80) ? Data() : key()
            request.value = Data("v\(random.below(10))".utf8)
            request.prevKv = random.chance(3)
            switch random.below(8) {
            case 0: break
            case 1:
                request.ignoreLease = true
                if random.chance(6) { request.lease = name() }
            case 2:
                request.ignoreValue = true
                if !random.chance(6) { request.value = Data() }
                request.lease = name()
            default: request.lease = name()
            }
        }
    }

    private mutating func delete() -> EtcdDeleteRangeRequest {
        .with { request in
            request.key = key()
            if random.chance(4) { request.rangeEnd = Self.end }
            request.prevKv = random.chance(2)
        }
    }

    private mutating func range() -> EtcdRangeRequest {
        .with { request in
            request.key = key()
            if random.chance(2) { request.rangeEnd = Self.end }
            if random.chance(3) { request.revision = Int64.random(in: 1...max(1, head), using: &random) }
        }
    }

    private mutating func transaction(depth: Int) -> EtcdTxnRequest {
        .with { request in
            for _ in 0..<random.below(3) {
                request.compare.append(
                    .with { compare in
                        compare.key = key()
                        if random.chance(4) { compare.rangeEnd = Self.end }
                        compare.target = .lease
                        compare.result = EtcdCompare.CompareResult(rawValue: random.below(4))!
                        compare.lease = random.chance(3) ? 0 : name()
                        // Which of two leases that the servers chose is the greater is each server's own.
                        if [.less, .greater].contains(compare.result), chosen.contains(compare.lease) {
                            compare.lease = 0
                        }
                    })
            }
            for _ in 0..<random.below(4) { request.success.append(operation(depth: depth)) }
            for _ in 0..<random.below(4) { request.failure.append(operation(depth: depth)) }
        }
    }

    private mutating func operation(depth: Int) -> EtcdRequestOp {
        .with { operation in
            switch random.below(depth < 2 ? 8 : 7) {
            case 0..<2: operation.requestRange = range()
            case 2..<6: operation.requestPut = put()
            case 6: operation.requestDeleteRange = .with { $0.key = key() }
            default: operation.requestTxn = transaction(depth: depth + 1)
            }
        }
    }
}
