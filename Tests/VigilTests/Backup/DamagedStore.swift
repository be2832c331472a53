import Foundation
import TestSupport
import Testing
import Vigil

/// A store with all there is, as a crash leaves it, and what was in it.
struct DamagedStore {
    let directory: String
    var path: String { directory + "/store" }
    let earliest: Revision
    let head: Revision
    let largestBlock: Int
    private var events: [Revision: [String]] = [:]
    private var states: [Revision: [Bytes: KeyValue]] = [:]
    private var cursors: [String: WatchCursor] = [:]
    private var leases: [Int64: Int64] = [:]
    private var properties: [String: [UInt8]] = [:]

    /// `image` becomes the store.
    init(_ directory: String, image: String) async throws {
        self.directory = directory
        try FileManager.default.moveItem(atPath: image, toPath: directory + "/store")
        let copy = directory + "/copy"
        try FileManager.default.copyItem(atPath: directory + "/store", toPath: copy)
        let store = try await WatchStore.open(copy, options: StoreOptions(access: .readOnly))
        (earliest, head) = (store.earliest, store.head)
        var largest = 1
        for revision in earliest...head {
            let (update, block) = try store.show(revision)
            events[revision] = update.map { Self.text($0) }
            largest = max(largest, block.recordCount)
            states[revision] = Self.dictionary(try store.range(.all, RangeOptions(at: revision)).keyValues)
        }
        largestBlock = largest
        for cursor in try store.cursors() { cursors[cursor.name] = cursor }
        try #require(cursors.count == 24)
        for lease in try store.leases() { leases[lease.id] = lease.seconds }
        for (name, value) in try store.properties("") { properties[name] = value }
        try #require(leases.count == 150 && properties.count == 40)
        try await store.close()
        try FileManager.default.removeItem(atPath: copy)
    }

    private static func text(_ event: WatchEvent) -> String {
        "\(event.revision) \(event.type) \(event.key) \(event.value) \(event.createRevision) \(event.version)"
    }

    private static func dictionary(_ keyValues: [KeyValue]) -> [Bytes: KeyValue] {
        Dictionary(uniqueKeysWithValues: keyValues.map { ($0.key, $0) })
    }

    /// Recovers, and verifies that nothing is wrong or unaccounted for; nil if no store could be made.
    func recover(_ place: Comment) async throws -> RecoveryReport? {
        let new = directory + "/new"
        defer { try? FileManager.default.removeItem(atPath: new) }
        let apart = Collected()
        let report: RecoveryReport
        do {
            report = try await WatchStore.recover(path, to: new, apart: { apart.add($0) })
        } catch let error as StoreError where error.code == .damaged || error.code == .notAStore {
            for update in apart.updates where events[update.revision] != nil {
                #expect(update.map { Self.text($0) } == events[update.revision], place)
            }
            return nil
        }
        var accounted: [Revision] = Array(report.kept) + report.lost.joined() + report.apart.joined()
        accounted.sort()
        // Without a meta entry nobody knows what had been compacted, nor, without all that says it, what came last.
        let known = accounted.filter { earliest <= $0 && $0 <= head }
        #expect(
            known == Array(earliest...(accounted.last ?? 0)) || known == Array(report.kept.lowerBound...head), place)
        #expect(apart.updates.map(\.revision) == Array(report.apart.joined()), place)
        for update in apart.updates where events[update.revision] != nil {
            #expect(update.map { Self.text($0) } == events[update.revision], place)
        }
        try await verify(new, report, place)
        return report
    }

    private func verify(_ path: String, _ report: RecoveryReport, _ place: Comment) async throws {
        let store = try await WatchStore.open(path, options: StoreOptions(access: .readOnly))
        #expect(store.earliest == report.kept.lowerBound && store.head == report.kept.upperBound, place)
        for revision in report.kept where revision >= earliest {
            let found = try store.log(from: revision, through: revision).updates.joined().map { Self.text($0) }
            let expected = events[revision] ?? []
            #expect(revision == report.rebuilt ? found.sorted() == expected.sorted() : found == expected, place)
            let expectedState = states[revision] ?? [:]
            let held =
                revision >= report.readableFrom
                ? Self.dictionary(try store.range(.all, RangeOptions(at: revision)).keyValues)
                : try readable(store, revision, report, place)
            for (key, keyValue) in held { #expect(keyValue == expectedState[key], "\(place): \(key) at \(revision)") }
            let missing = expectedState.keys.filter { held[$0] == nil }
            let unnamed = missing.filter { !report.doubtfulKeys.contains($0) && !report.unreadableKeys.contains($0) }
            // Keys of which nothing is left are known by their number only.
            #expect(unnamed.count <= report.missingKeys, "\(place): \(unnamed)")
            #expect(missing.isEmpty || !report.isComplete, place)
        }
        try verifyCursors(store, report, place)
        try verifyLeases(store, report, place)
        try verifyProperties(store, report, place)
        #expect(try store.check(deep: true).problems == [], place)
        try await store.close()
    }

    /// What can be read at `revision`: of keys whose value is lost the rest is there, and reading it is an error.
    private func readable(
        _ store: WatchStore, _ revision: Revision, _ report: RecoveryReport, _ place: Comment
    ) throws -> [Bytes: KeyValue] {
        var held: [Bytes: KeyValue] = [:]
        let keys = try store.range(.all, RangeOptions(at: revision, keysOnly: true)).keyValues.map(\.key)
        for key in keys {
            do {
                held[key] = try store.get(key, at: revision)
            } catch let error as StoreError where error.code == .damaged {
                #expect(report.unreadableKeys.contains(key), "\(place): \(key) at \(revision), \(error)")
                #expect(states[revision]?[key] != nil || revision < earliest, "\(place): \(key) at \(revision)")
            }
        }
        return held
    }

    /// Each lasts as long as it did. What is missing is counted, or the report says that it cannot be.
    private func verifyLeases(_ store: WatchStore, _ report: RecoveryReport, _ place: Comment) throws {
        let found = try store.leases()
        #expect(found.count == report.leases, place)
        for lease in found {
            // The one that was revoked may be there again.
            #expect(lease.seconds == leases[lease.id] ?? 77, "\(place): \(lease)")
            #expect(leases[lease.id] != nil || report.olderLeases > 0, "\(place): \(lease)")
        }
        let missing = Set(leases.keys).subtracting(found.map(\.id)).count
        #expect(missing <= report.lostLeases + report.olderLeases || report.mayLackLeases, place)
        #expect(missing == 0 || !report.isComplete, place)
        for orphaned in report.orphanedKeys {
            #expect(orphaned.keys > 0 && !found.contains { $0.id == orphaned.lease }, place)
        }
    }

    /// Each says what it said, or something of before and is named.
    private func verifyProperties(_ store: WatchStore, _ report: RecoveryReport, _ place: Comment) throws {
        let found = Dictionary(uniqueKeysWithValues: try store.properties("").map { ($0.name, $0.value) })
        #expect(found.count == report.properties, place)
        let older = Set(report.changedProperties.filter { $0.fate == .older }.map(\.name))
        for (name, value) in found where value != properties[name] {
            #expect(older.contains(name) && value == Array("before".utf8), "\(place): \(name)")
        }
        let missing = properties.keys.filter { found[$0] == nil }.count
        #expect(missing <= report.lostProperties + older.count || report.mayLackProperties, place)
        #expect(missing == 0 || !report.isComplete, place)
    }

    /// Each stands where it stood, or before it and is named, or is named as lost.
    private func verifyCursors(_ store: WatchStore, _ report: RecoveryReport, _ place: Comment) throws {
        let fates = Dictionary(uniqueKeysWithValues: report.changedCursors.map { ($0.name, $0.fate) })
        let found = try store.cursors()
        #expect(found.count == report.cursors, place)
        for (name, cursor) in cursors where !found.contains(where: { $0.name == name }) {
            #expect(report.mayLackCursors, "\(place): \(cursor) is missing")
            #expect(!report.isComplete, place)
        }
        for cursor in found {
            guard let original = cursors[cursor.name] else {
                // Removed by a commit that is lost; where it stood there may be no history any more.
                let fate = fates[cursor.name]
                #expect(cursor.name == "removed" && (fate == .older || fate == .behind), "\(place): \(cursor)")
                continue
            }
            #expect(cursor.hold == original.hold && cursor.isFailed == original.isFailed, place)
            if cursor.acknowledged != original.acknowledged {
                let isNamed = fates[cursor.name] == .older || fates[cursor.name] == .takenBack
                #expect(cursor.acknowledged < original.acknowledged && isNamed, "\(place): \(cursor)")
            }
            if cursor.isCompacted, !original.isCompacted {
                #expect(fates[cursor.name] != nil, "\(place): \(cursor)")
            }
        }
    }
}

/// Gathers updates that one thread passes while another waits for its end.
private final class Collected: @unchecked Sendable {
    private(set) var updates: [WatchUpdate] = []

    func add(_ update: WatchUpdate) { updates.append(update) }
}

/// Makes a store with blocks of several sizes, compacted, checkpointed and with a journal that is ahead, and takes the files
/// as a crash would leave them.
func withDamagedStore(_ body: (DamagedStore) async throws -> Void) async throws {
    try await withTemporaryDirectory { directory in
        let path = directory + "/original"
        var options = smallOptions()
        options.log.checkpointInterval = .seconds(3600)
        options.log.checkpointBytes = 64 << 10
        var store = try await WatchStore.open(path, options: options)
        var input = RandomInput(seed: 5)
        func write(_ count: Int) async throws {
            for _ in 0..<count {
                let key = input.key()
                if input.random.chance(5) {
                    try await store.delete(key)
                } else if input.random.chance(4) {
                    try await store.transaction(
                        Transaction(then: [
                            .put(key, input.value()), .put("both/\(input.random.below(5))", input.value()),
                        ]))
                } else {
                    try await store.put(key, input.value(upTo: 6000))
                }
            }
        }
        // Keys that only `state` has when their block is compacted, on pages enough to be hit.
        let filling = String(repeating: "quiet ", count: 20)
        for part in 0..<10 {
            let puts = (0..<40).map { Transaction.Operation.put(Bytes("rest/\(part)/\($0)"), Bytes(filling)) }
            try await store.transaction(Transaction(then: puts))
        }
        try await store.compact(through: store.head)
        try await write(60)
        try await store.compact(through: store.head - 20)
        // Each makes a checkpoint, and so a block.
        for _ in 0..<4 {
            try await write(25)
            try await store.compact(through: store.earliest + 1)
        }
        // Without what the journal still has of all that, the blocks are the only ones to have it.
        try await store.close()
        for number in 0..<3 { try? FileManager.default.removeItem(atPath: "\(path)/journal-00\(number)") }
        store = try await WatchStore.open(path, options: options)
        // Enough for a tree of several pages.
        let long = String(repeating: "x", count: 240)
        for index in 0..<23 {
            let place = store.earliest + Revision(index) % (store.head - store.earliest)
            try await store.setCursor("cursor/\(index)/\(long)", to: .acknowledged(place))
        }
        for id in 1...150 { _ = try await store.grantLease(seconds: Int64(id) + 100, id: Int64(id)) }
        for id in 1...20 {
            let key = Bytes("leased/\(id)")
            try await store.put(key, "v", lease: Int64(id % 4 + 1))
        }
        let value = [UInt8](repeating: 0x70, count: 240)
        try await store.setProperties(
            Dictionary(uniqueKeysWithValues: (0..<40).map { ("property/\($0)", value) }))
        try await write(15)
        try await store.setProperties(["removed": Array("before".utf8)])
        try await store.setProperties(["removed": nil])
        _ = try await store.grantLease(seconds: 77, id: 1000)
        try await store.revokeLease(1000)
        try await store.setCursor("removed", to: .earliest)
        try await store.setCursor("newest", to: .now)
        try await store.setCursor("newest", hold: CursorHold(revisions: 1000, then: .fail))
        try await store.removeCursor("removed")
        try copyOpenStore(at: path, to: directory + "/image")
        try await store.close()
        try FileManager.default.removeItem(atPath: path)
        // Two segments, so that both kinds are there.
        let second = directory + "/image/journal-001"
        if !FileManager.default.fileExists(atPath: second) {
            try Data(count: 64 << 10).write(to: URL(fileURLWithPath: second))
        }
        try await body(DamagedStore(directory, image: directory + "/image"))
    }
}
