import Foundation
import SwiftProtobuf
import TestSupport
import WireMessages

/// Makes step `index` of the run of a seed. Each is made by itself, of what the servers answered before, so that a run
/// from which steps are left out is still made of the others.
struct StepGenerator {
    /// What the choice of sensible revisions and watches depends on.
    struct View {
        var head: Int64 = 1
        var compacted: Int64 = 0
        /// The numbers of the watches on each stream.
        var watches: [[Int64]]
    }

    private var random: SeededGenerator
    private let view: View

    static func step(_ index: Int, seed: UInt64, _ view: View) -> Step {
        var generator = StepGenerator(
            random: SeededGenerator(seed &+ UInt64(index) &* 0xD134_2543_DE82_EF95), view: view)
        return generator.step()
    }

    private mutating func step() -> Step {
        switch random.below(100) {
        case 0..<26: .range(range())
        case 26..<52: .put(put())
        case 52..<60: .delete(delete())
        case 60..<86: .transaction(transaction(depth: 0))
        case 86..<87: .compact(compaction())
        case 87..<99: watch()
        default: .reopen(stream: random.below(view.watches.count))
        }
    }

    // MARK: Keys, values and revisions

    private static let keys: [Data] =
        ["a", "a/1", "a/2", "a/3", "a/b/1", "a/b/2", "b", "b/1", "b/2", "c", "ca", "z"].map { Data($0.utf8) }
        + [Data([0]), Data([0, 0]), Data([1]), Data([0x61, 0xFF]), Data([0xFF]), Data([0xFF, 0xFF])]
        // Longer than a key of LMDB, or just not.
        + [509, 510, 511, 1100].map { Data("a/".utf8) + Data(repeating: 0x6C, count: $0) }

    private mutating func key() -> Data {
        if random.chance(60) { return Data() }
        // Few of them, so that much happens to each.
        return Self.keys[random.below(random.chance(3) ? Self.keys.count : 8)]
    }

    /// An end of a range for `key`: none, a prefix's, any.
    private mutating func end(of key: Data) -> Data {
        switch random.below(10) {
        case 0..<3: return Data()
        case 3..<5: return Data([0])
        case 5: return key
        case 6..<8:
            guard let last = key.last, last < 0xFF else { return Data([0]) }
            return key.dropLast() + [last + 1]
        default: return Self.keys[random.below(Self.keys.count)]
        }
    }

    private mutating func value() -> Data {
        switch random.below(400) {
        case 0: Data(repeating: 0x78, count: 200_000)
        case 1: Data(repeating: 0x79, count: [1_500_000, 1_600_000, 2_200_000][random.below(3)])
        case 2..<20: Data()
        case 20..<40: Data([0, 0xFF, UInt8(random.below(256))])
        default: Data("v\(random.below(20))".utf8)
        }
    }

    /// A revision to read at: mostly of the retained ones, also around their ends.
    private mutating func revision() -> Int64 {
        switch random.below(12) {
        case 0: view.compacted
        case 1: view.compacted - 1
        case 2: view.compacted + 1
        case 3: view.head
        case 4: view.head + 1
        case 5: view.head + Int64(random.below(20))
        case 6: [-1, 1, 2, .max, .min][random.below(5)]
        default: Int64.random(in: min(view.compacted, view.head)...view.head, using: &random)
        }
    }

    private mutating func recentRevision() -> Int64 {
        max(1, view.head - Int64(random.below(30)))
    }

    // MARK: Requests

    private mutating func range() -> EtcdRangeRequest {
        var request = EtcdRangeRequest()
        request.key = key()
        request.rangeEnd = end(of: request.key)
        if random.chance(4) { request.revision = revision() }
        if random.chance(3) { request.limit = [1, 2, 3, 5, 100, -1, .max][random.below(7)] }
        if random.chance(2) {
            request.sortOrder = EtcdRangeRequest.SortOrder(rawValue: random.below(3))!
            request.sortTarget = EtcdRangeRequest.SortTarget(rawValue: random.below(5))!
        }
        request.serializable = random.chance(4)
        request.keysOnly = random.chance(6)
        request.countOnly = random.chance(8)
        if random.chance(8) { request.minModRevision = recentRevision() }
        if random.chance(8) { request.maxModRevision = recentRevision() }
        if random.chance(8) { request.minCreateRevision = recentRevision() }
        if random.chance(8) { request.maxCreateRevision = recentRevision() }
        return request
    }

    private mutating func put() -> EtcdPutRequest {
        var request = EtcdPutRequest()
        request.key = key()
        request.value = value()
        request.prevKv = random.chance(3)
        if random.chance(10) {
            request.ignoreValue = true
            if !random.chance(8) { request.value = Data() }
        }
        return request
    }

    private mutating func delete() -> EtcdDeleteRangeRequest {
        var request = EtcdDeleteRangeRequest()
        request.key = key()
        // Not too often everything.
        if random.chance(3) { request.rangeEnd = end(of: request.key) }
        request.prevKv = random.chance(2)
        return request
    }

    private mutating func compaction() -> EtcdCompactionRequest {
        var request = EtcdCompactionRequest()
        request.revision = random.chance(4) ? revision() : max(2, recentRevision())
        request.physical = random.chance(2)
        return request
    }

    private mutating func transaction(depth: Int) -> EtcdTxnRequest {
        var request = EtcdTxnRequest()
        for _ in 0..<random.below(3) { request.compare.append(comparison()) }
        for _ in 0..<random.below(4) { request.success.append(operation(depth: depth)) }
        for _ in 0..<random.below(4) { request.failure.append(operation(depth: depth)) }
        if random.chance(60) {
            // At and beyond the limit of operations.
            let count = 126 + random.below(5)
            request.success = (0..<count).map { number in
                .with { $0.requestRange.key = Data("a/\(number)".utf8) }
            }
            request.success.append(operation(depth: depth))
        }
        return request
    }

    private mutating func operation(depth: Int) -> EtcdRequestOp {
        var operation = EtcdRequestOp()
        switch random.below(depth < 3 ? 12 : 9) {
        case 0..<3: operation.requestRange = range()
        case 3..<6: operation.requestPut = put()
        case 6..<8: operation.requestDeleteRange = delete()
        case 8:
            // Also nothing at all.
            if !random.chance(10) { operation.requestRange = range() }
        default: operation.requestTxn = transaction(depth: depth + 1)
        }
        return operation
    }

    private mutating func comparison() -> EtcdCompare {
        var compare = EtcdCompare()
        compare.key = key()
        if random.chance(4) { compare.rangeEnd = end(of: compare.key) }
        compare.result = EtcdCompare.CompareResult(rawValue: random.below(4))!
        let targets: [EtcdCompare.CompareTarget] = [.version, .create, .mod, .value, .lease]
        compare.target = targets[random.below(targets.count)]
        switch random.chance(20) ? targets[random.below(targets.count)] : compare.target {
        case .version, .UNRECOGNIZED: compare.version = Int64(random.below(4))
        case .create: compare.createRevision = random.chance(2) ? Int64(random.below(3)) : recentRevision()
        case .mod: compare.modRevision = random.chance(2) ? Int64(random.below(3)) : recentRevision()
        case .value: compare.value = value()
        case .lease: compare.lease = Int64(random.below(2) * 77)
        }
        return compare
    }

    // MARK: Watches

    private static let watchesPerStream = 12

    private mutating func watch() -> Step {
        let stream = random.below(view.watches.count)
        let watches = view.watches[stream]
        var request = EtcdWatchRequest()
        switch random.below(10) {
        case 0..<5 where watches.count < Self.watchesPerStream: request.createRequest = watchCreation(watches)
        case 5..<8: request.progressRequest = EtcdWatchProgressRequest()
        case 9 where random.chance(20): break
        default:
            let isKnown = !watches.isEmpty && !random.chance(6)
            request.cancelRequest.watchID = isKnown ? watches[random.below(watches.count)] : Int64(random.below(40))
        }
        return .watch(stream: stream, request)
    }

    private mutating func watchCreation(_ watches: [Int64]) -> EtcdWatchCreateRequest {
        var request = EtcdWatchCreateRequest()
        request.key = key()
        request.rangeEnd = end(of: request.key)
        if random.chance(2) { request.startRevision = revision() }
        request.progressNotify = random.chance(3)
        switch random.below(8) {
        case 0: request.filters = [.noput]
        case 1: request.filters = [.nodelete]
        case 2: request.filters = [.nodelete, .noput]
        default: break
        }
        request.prevKv = random.chance(2)
        request.fragment = random.chance(3)
        switch random.below(8) {
        case 0: request.watchID = Int64(random.below(30))
        case 1 where !watches.isEmpty: request.watchID = watches[random.below(watches.count)]
        case 2 where random.chance(4): request.watchID = -7
        default: break
        }
        return request
    }
}
