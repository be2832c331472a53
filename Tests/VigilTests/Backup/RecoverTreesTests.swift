import Foundation
import TestSupport
import Testing
import Vigil

/// Damage to one tree of LMDB after the other: what that tree had is lost, counted, and the rest is kept.
@Suite(.timeLimit(.minutes(2))) struct RecoverTreesTests {
    private static let leases = 300
    private static let properties = 60

    @Test func leases() async throws {
        try await withStore { store in
            // A page of the middle. Which ids are near it nobody else says, since no keys are attached to them.
            try store.zeroPages(with: Self.id(150))
            let report = try await store.recover()
            #expect(report.leases + report.lostLeases == Self.leases && !report.mayLackLeases)
            #expect((1...200).contains(report.lostLeases) && report.olderLeases == 0, "\(report)")
            #expect(report.orphanedKeys == [] && report.damage.contains { $0.contains("tree leases") })
            #expect(report.properties == Self.properties && report.lostProperties == 0 && report.lost == [])
            #expect(!report.isComplete)
            try await store.recovered { recovered in
                let leases = try recovered.leases()
                #expect(leases.count == report.leases && leases.allSatisfy { Self.number($0.id) + 1000 == $0.seconds })
                // Keys are attached to the first, and go with it.
                #expect(try recovered.keys(ofLease: Self.lease(1)) == ["a", "b"])
                try await recovered.revokeLease(Self.lease(1))
                #expect(try recovered.get("a") == nil)
            }
        }
    }

    @Test func oneLeaseThatKeysAreAttachedTo() async throws {
        try await withStore { store in
            try store.flip(after: Self.id(1), where: [1, 0, 0, 0])
            let report = try await store.recover()
            #expect(report.leases == Self.leases - 1 && report.lostLeases == 1 && !report.mayLackLeases, "\(report)")
            #expect(report.orphanedKeys.map { [$0.lease, Int64($0.keys)] } == [[Self.lease(1), 2]])
            #expect(!report.isComplete)
            try await store.recovered { recovered in
                // Granted again it holds them again.
                await expect(.leaseNotFound) { try await recovered.revokeLease(Self.lease(1)) }
                _ = try await recovered.grantLease(seconds: 60, id: Self.lease(1))
                try await recovered.revokeLease(Self.lease(1))
                #expect(try recovered.get("a") == nil)
                #expect(try recovered.get("plain")?.value == "v")
            }
        }
    }

    /// The index of which keys leases hold is made anew.
    @Test func theIndexOfLeases() async throws {
        try await withStore { store in
            try store.zeroPages(with: Self.id(1) + Array("a".utf8))
            let report = try await store.recover()
            #expect(report.isComplete && report.damage.contains { $0.contains("tree leased") }, "\(report)")
            try await store.recovered { recovered in
                let keys = try recovered.keys(ofLease: Self.lease(1))
                #expect(keys == ["a", "b"])
            }
        }
    }

    @Test func properties() async throws {
        try await withStore { store in
            try store.zeroPages(with: Array("property 30".utf8))
            let report = try await store.recover()
            #expect(report.properties + report.lostProperties == Self.properties, "\(report)")
            #expect(!report.mayLackProperties)
            #expect((1...30).contains(report.lostProperties) && report.changedProperties == [], "\(report)")
            #expect(report.leases == Self.leases && report.lostLeases == 0 && report.lost == [])
            try await store.recovered { recovered in
                for (name, value) in try recovered.properties("") {
                    #expect(value == Self.value(Int(name.dropFirst("property ".count))!))
                }
            }
        }
    }

    @Test func oneProperty() async throws {
        try await withStore { store in
            try store.flip(after: Array("property 30".utf8), where: Array(Self.value(30).prefix(4)))
            let report = try await store.recover()
            #expect(report.properties == Self.properties - 1 && report.lostProperties == 1)
            #expect(report.changedProperties.map { "\($0.name) \($0.fate)" } == ["property 30 lost"])
            #expect(!report.isComplete)
        }
    }

    /// Without it no tree is found; the journal has the revisions, and there may have been other leases and properties.
    @Test func theDirectoryOfTrees() async throws {
        try await withStore { store in
            try store.zeroPages(with: Array("leased".utf8))
            let report = try await store.recover()
            #expect(report.mayLackLeases && report.mayLackProperties && !report.isComplete)
            // On pages that nobody leads to they are found all the same.
            #expect(report.leases == Self.leases && report.properties == Self.properties, "\(report)")
        }
    }

    /// A key of `state` and the first revision of a block.
    @Test(arguments: [Array("plain".utf8), [0, 0, 0, 0, 0, 0, 0, 1]]) func otherTrees(_ key: [UInt8]) async throws {
        try await withStore { store in
            try store.zeroPages(with: key)
            let report = try await store.recover()
            #expect(report.leases == Self.leases && report.properties == Self.properties, "\(report)")
            #expect(report.lostLeases == 0 && report.lostProperties == 0 && report.orphanedKeys == [])
            #expect(!report.mayLackLeases && !report.mayLackProperties)
        }
    }

    /// Each is in two trees, and of one that is gone from both the values are lost that need it, and counted.
    @Test(arguments: [false, true]) func dictionaries(areGone: Bool) async throws {
        try await withTemporaryDirectory { directory in
            try await Self.fillAlike(directory + "/store")
            let broken = BrokenStore(directory: directory)
            if areGone {
                try broken.flip(after: [0, 0, 0, 1], where: [32])
            } else {
                try broken.zeroPages(with: [0, 0, 0, 1], sparing: Array("store".utf8))
            }
            let report = try await broken.recover()
            #expect(report.damage.contains { $0.contains("tree dictionaries") }, "\(report.damage)")
            #expect(report.isComplete == !areGone && report.missingKeys == (areGone ? 100 : 0), "\(report)")
            try await broken.recovered { recovered in
                let pairs = try recovered.range(.prefix("k/")).keyValues
                #expect(pairs.count == (areGone ? 0 : 100))
                for pair in pairs { #expect(pair.value == Self.alike(pair.modRevision)) }
            }
        }
    }

    private static func alike(_ revision: Revision) -> Bytes {
        Bytes(#"{"service":"checkout","region":"eu-central","healthy":true,"at":\#(revision)}"#)
    }

    /// Keys that the log has no more.
    private static func fillAlike(_ path: String) async throws {
        var options = StoreOptions()
        options.log.dictionaryLookBytes = 1000
        let store = try await WatchStore.open(path, options: options)
        for number in 1...100 { try await store.put(Bytes("k/\(number)"), alike(store.head + 1)) }
        // Another block.
        try await store.seal()
        try await store.put("end", "0")
        try await store.compact(through: store.head)
        for value in ["1", "2"] as [Bytes] {
            try await store.put("end", value)
            try await store.seal()
        }
        try await store.close()
        // It has the changes of before still.
        try FileManager.default.removeItem(atPath: path + "/journal-000")
    }

    private func withStore(_ body: (BrokenStore) async throws -> Void) async throws {
        try await withTemporaryDirectory { directory in
            let store = try await WatchStore.open(directory + "/store")
            for number in 1...Self.leases {
                _ = try await store.grantLease(seconds: Int64(number) + 1000, id: Self.lease(number))
            }
            try await store.put("over", "first of the log")
            try await store.put("over", "v")
            try await store.put("plain", "v")
            for key in ["a", "b"] as [Bytes] { try await store.put(key, "v", lease: Self.lease(1)) }
            let properties = (0..<Self.properties).map { ("property \($0)", Self.value($0)) }
            try await store.setProperties(Dictionary(uniqueKeysWithValues: properties))
            // Both of LMDB's last commits have all of it.
            for value in ["1", "2"] as [Bytes] {
                try await store.put("end", value)
                try await store.seal()
            }
            try await store.close()
            try await body(BrokenStore(directory: directory))
        }
    }

    private static func lease(_ number: Int) -> Int64 { 0x1EA5_E000_0000 + Int64(number) }
    private static func number(_ lease: Int64) -> Int64 { lease - 0x1EA5_E000_0000 }

    /// As the tree has it.
    private static func id(_ number: Int) -> [UInt8] { withUnsafeBytes(of: lease(number).bigEndian) { Array($0) } }

    private static func value(_ number: Int) -> [UInt8] { [UInt8](repeating: UInt8(number + 1), count: 200) }
}

/// A store that is closed, to be damaged and recovered.
private struct BrokenStore {
    let directory: String

    private var file: URL { URL(fileURLWithPath: directory + "/store/data.mdb") }

    /// Overwrites each leaf that has an entry whose key begins with `key`, unless it also has `other`.
    func zeroPages(with key: [UInt8], sparing other: [UInt8]? = nil) throws {
        try change(key) { data, place in
            let page = place / 4096 * 4096
            if let other, data.range(of: Data(other), in: page..<page + 4096) != nil { return }
            data.replaceSubrange(page..<page + 4096, with: Data(count: 4096))
        }
    }

    /// Flips a bit in each value whose key is `key` and that begins with `value` after its checksum.
    func flip(after key: [UInt8], where value: [UInt8]) throws {
        try change(key) { data, place in
            let place = place + key.count + 4
            if data[place..<place + value.count].elementsEqual(value) { data[place + 2] ^= 1 }
        }
    }

    /// Calls `body` with where each key of a leaf is that begins with `key`. What pages have between their entries is of
    /// before, and may look alike.
    private func change(_ key: [UInt8], _ body: (inout Data, Int) -> Void) throws {
        var data = try Data(contentsOf: file)
        func number(_ place: Int) -> Int { Int(data[place]) | Int(data[place + 1]) << 8 }
        var count = 0
        for page in stride(from: 2 * 4096, to: data.count, by: 4096) where number(page + 10) == 2 {
            let places = stride(from: page + 16, to: page + number(page + 12), by: 2).map { page + number($0) + 8 }
            // A key may be shorter, and then the value follows, of which the first byte may be anything.
            for place in places where number(place - 2) >= key.count {
                guard data[place..<place + key.count].elementsEqual(key) else { continue }
                body(&data, place)
                count += 1
            }
        }
        try #require(count > 0)
        try data.write(to: file)
    }

    func recover() async throws -> RecoveryReport {
        try await WatchStore.recover(directory + "/store", to: directory + "/recovered")
    }

    func recovered(_ body: (WatchStore) async throws -> Void) async throws {
        let store = try await WatchStore.open(directory + "/recovered")
        #expect(try store.check(deep: true).problems == [])
        try await body(store)
        try await store.close()
    }
}
