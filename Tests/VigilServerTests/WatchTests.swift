import Testing
import Vigil
import WireMessages

@testable import VigilServer

/// Watches over the wire, one by one.
@Suite(.timeLimit(.minutes(1))) struct WatchTests {
    @Test func eventsComeAfterCreatedAndAsTheyHappen() async throws {
        try await withEtcd { etcd, _ in
            let watch = try await etcd.watch()
            try await watch.create("a", "b")
            let created = try await watch.next()
            #expect(created.created && !created.canceled && created.watchID == 0 && created.header.revision == 1)
            try await etcd.put("a", "1")
            try await etcd.put("b", "not watched")
            try await etcd.put("a1", "2")
            try await etcd.delete("a")
            let events = try await watch.events(3)
            #expect(events.map(\.kv.text) == ["a=1", "a1=2", "a="])
            #expect(events.map(\.kv.modRevision) == [2, 4, 5])
            #expect(events.map(\.type) == [.put, .put, .delete])
            #expect(events[0].kv.createRevision == 2 && events[0].kv.version == 1)
            #expect(events[2].kv.createRevision == 0 && events[2].kv.version == 0)
            #expect(events.allSatisfy { !$0.hasPrevKv })
        }
    }

    @Test func historyFromARevisionThenLive() async throws {
        try await withEtcd { etcd, _ in
            for value in 1...100 { try await etcd.put("a", "\(value)") }
            let watch = try await etcd.watch()
            try await watch.create("a", from: 50)
            _ = try await watch.next()
            try await etcd.put("a", "101")
            #expect(try await watch.events(53).map(\.kv.modRevision) == Array(50...102))
        }
    }

    /// C4, C5: a revision is never split, and in the order of its transaction.
    @Test func aTransactionArrivesWhole() async throws {
        try await withEtcd { etcd, _ in
            let watch = try await etcd.watch()
            try await watch.create("\0", "\0")
            _ = try await watch.next()
            _ = try await etcd.transaction { $0.success = [.put("z", "1"), .put("a", "2"), .put("m", "3")] }
            let response = try await watch.next()
            #expect(response.events.map(\.kv.text) == ["z=1", "a=2", "m=3"] && response.header.revision == 2)
        }
    }

    @Test func filtersAndPreviousValues() async throws {
        try await withEtcd { etcd, _ in
            let watch = try await etcd.watch()
            try await watch.create("a") { ($0.filters, $0.watchID) = ([.noput], 1) }
            try await watch.create("a") { ($0.filters, $0.watchID) = ([.nodelete], 2) }
            try await watch.create("a") { ($0.prevKv, $0.watchID) = (true, 3) }
            try await watch.create("a") { ($0.filters, $0.watchID) = ([.nodelete, .noput], 4) }
            for _ in 0..<4 { #expect(try await watch.next().created) }
            try await etcd.put("a", "1")
            try await etcd.put("a", "2")
            try await etcd.delete("a")
            var events: [Int64: [EtcdEvent]] = [:]
            while events.values.joined().count < 6 {
                let response = try await watch.next()
                events[response.watchID, default: []] += response.events
            }
            #expect(events[1]?.map(\.type) == [.delete])
            #expect(events[2]?.map(\.kv.text) == ["a=1", "a=2"])
            #expect(events[3]?.map { $0.hasPrevKv ? $0.prevKv.text : "-" } == ["-", "a=1", "a=2"])
            #expect(events[4] == nil)
        }
    }

    @Test func numbers() async throws {
        try await withEtcd { etcd, _ in
            let watch = try await etcd.watch()
            try await watch.create("a") { $0.watchID = 1 }
            try await watch.create("a")
            try await watch.create("a")
            try await watch.create("a") { $0.watchID = 1 }
            var ids: [Int64] = []
            for _ in 0..<3 { ids.append(try await watch.next().watchID) }
            #expect(ids == [1, 0, 2])
            let refused = try await watch.next()
            #expect(refused.created && refused.canceled && refused.watchID == -1)
            #expect(refused.cancelReason == "mvcc: duplicate watch ID provided on the WatchStream")
        }
    }

    @Test func refused() async throws {
        try await withEtcd { etcd, _ in
            let watch = try await etcd.watch()
            try await watch.create("b", "a")
            let empty = try await watch.next()
            #expect(empty.created && empty.canceled && empty.watchID == -1)
            #expect(empty.cancelReason == "mvcc: watcher range is empty")
            try await watch.create("b", from: -1)
            let negative = try await watch.next()
            #expect(negative.created && negative.canceled && negative.compactRevision == 0)
            #expect(negative.cancelReason == "etcdserver: mvcc: required revision has been compacted")
            // The stream goes on.
            try await watch.create("")
            #expect(try await watch.next().watchID == 0)
        }
    }

    @Test func cancelAndUseTheNumberAgain() async throws {
        try await withEtcd { etcd, _ in
            let watch = try await etcd.watch()
            try await watch.cancel(99)
            for round in 0..<20 {
                try await watch.create("a") { $0.watchID = 7 }
                #expect(try await watch.next().created)
                try await etcd.put("a", "\(round)")
                try await watch.cancel(7)
                var response = try await watch.next()
                while !response.canceled {
                    #expect(response.events.allSatisfy { $0.kv.text == "a=\(round)" })
                    response = try await watch.next()
                }
                #expect(response.watchID == 7 && response.cancelReason.isEmpty && response.header.revision > 1)
            }
        }
    }

    /// C14, C15: at, before and after what is there.
    @Test func compactedAndFutureStarts() async throws {
        try await withEtcd { etcd, _ in
            try await etcd.put("a", "1")
            try await etcd.put("a", "2")
            try await etcd.delete("a")
            try await etcd.compact(4)
            let watch = try await etcd.watch()
            try await watch.create("a", from: 4)
            #expect(try await watch.next().created)
            #expect(try await watch.events(1).map(\.type) == [.delete])

            try await watch.create("a", from: 3)
            let created = try await watch.next()
            #expect(created.created && !created.canceled && created.watchID == 1)
            let gone = try await watch.next()
            #expect(gone.canceled && gone.watchID == 1 && gone.compactRevision == 4 && gone.cancelReason.isEmpty)
            #expect(gone.header.revision == 0)
            // As clients do then; the number was still taken.
            try await watch.cancel(1)
            #expect(try await watch.next().canceled)

            try await watch.create("a", from: 6)
            #expect(try await watch.next().created)
            try await watch.cancel(0)
            #expect(try await watch.next().canceled)
            try await etcd.put("a", "5")
            try await etcd.put("a", "6")
            #expect(try await watch.events(1).map(\.kv.text) == ["a=6"])
        }
    }

    /// C6, C13: everything through it was sent, for all watches, also where nothing happens.
    @Test func progressOnRequest() async throws {
        try await withEtcd { etcd, _ in
            let watch = try await etcd.watch()
            // Without watches there is no answer: what comes first is the watch's.
            try await watch.requestProgress()
            try await watch.create("a")
            try await watch.create("quiet")
            for _ in 0..<2 { #expect(try await watch.next().created) }
            for round in 0..<20 {
                try await etcd.put("a", "\(round)")
                try await watch.requestProgress()
                var last: Int64 = 0
                var response = try await watch.next()
                while response.watchID != -1 {
                    last = response.events.last?.kv.modRevision ?? last
                    response = try await watch.next()
                }
                #expect(response.events.isEmpty && response.header.revision == Int64(round) + 2)
                #expect(last == response.header.revision)
            }
        }
    }

    @Test func progressNowAndThen() async throws {
        var options = EtcdServerOptions()
        options.progressInterval = .milliseconds(20)
        try await withEtcd(options: options) { etcd, _ in
            let watch = try await etcd.watch()
            try await watch.create("quiet") { $0.progressNotify = true }
            try await watch.create("silent")
            for _ in 0..<2 { #expect(try await watch.next().created) }
            try await etcd.put("a", "1")
            var response = try await watch.next()
            while response.header.revision < 2 { response = try await watch.next() }
            #expect(response.watchID == 0 && response.events.isEmpty)
        }
    }

    @Test func fragments() async throws {
        try await withEtcd { etcd, _ in
            let watch = try await etcd.watch()
            try await watch.create("\0", "\0", from: 2) { $0.fragment = true }
            #expect(try await watch.next().created)
            let large = String(repeating: "x", count: 1_000_000)
            for key in ["a", "b", "c"] { try await etcd.put(key, large) }
            _ = try await etcd.delete("a", "\0")
            // Three deletes of one revision, each with a megabyte of what was there before.
            try await watch.create("\0", "\0", from: 5) { ($0.fragment, $0.prevKv, $0.watchID) = (true, true, 5) }
            var fragments: [EtcdWatchResponse] = []
            while fragments.last.map(\.fragment) ?? true {
                let response = try await watch.next()
                if response.watchID == 5, !response.created { fragments.append(response) }
            }
            #expect(fragments.map(\.events.count) == [2, 1])
            #expect(fragments.allSatisfy { $0.header.revision == 5 })
        }
    }
}
