import Foundation
import TestSupport
import Testing
import Vigil

/// From a named cursor: after any restart, in any process, at least once; and exactly once for who stores the revision
/// with its result.
@Suite(.timeLimit(.minutes(1))) struct P5Cursor {
    @Test(arguments: [CursorOptions.Acknowledgement.automatic, .explicit])
    func goesOnWhereItWasAcknowledged(_ acknowledgement: CursorOptions.Acknowledgement) async throws {
        try await withTemporaryDirectory { path in
            var store = try await WatchStore.open(path, options: tightOptions())
            try await writeConcurrently(store, writers: 3, each: 60)
            let head = store.head
            let options = WatchOptions(cursor: CursorOptions(acknowledgement: acknowledgement))
            var seen: [Revision] = []
            var round = 0
            while Set(seen).count < head {
                try Task.checkCancellation()
                round += 1
                var left = round % 13 + 2
                let watch = try store.watch(.all, from: .cursor("indexer"), options: options)
                for try await element in watch {
                    guard case .update(let update) = element else { continue }
                    // The one in hand when the watch ended comes again, and none is left out.
                    #expect(update.revision == (seen.last ?? 0) + 1 || update.revision == seen.last)
                    seen.append(update.revision)
                    if acknowledgement == .explicit, left % 3 != 0 { try watch.acknowledge(update.revision) }
                    left -= 1
                    if left == 0 || update.revision == head { break }
                }
                watch.cancel()
                if round % 4 == 0 {
                    try await store.close()
                    store = try await WatchStore.open(path, options: tightOptions())
                }
            }
            #expect(Set(seen) == Set(1...head))
            try await store.close()
        }
    }

    @Test("exactly once, for a consumer that stores the revision with its own result")
    func exactlyOnce() async throws {
        try await withTemporaryDirectory { path in
            var store = try await WatchStore.open(path, options: tightOptions())
            for index in 1...200 { try await store.put("count/\(index % 7)", "\(index)") }
            let result = path + ".result"
            var round = 0
            while try Tally.load(result).revision < store.head {
                round += 1
                // Of every kind of end: dropped in the middle, closed, and with the acknowledgement lost.
                var left = round % 9 + 1
                reading: for try await element in try store.watch(.prefix("count/"), from: .cursor("tally")) {
                    guard case .update(let update) = element else { continue }
                    var tally = try Tally.load(result)
                    guard update.revision > tally.revision else { continue }
                    tally.sum += update.reduce(0) { $0 + Int($1.value.string!)! }
                    tally.revision = update.revision
                    try tally.save(result)
                    left -= 1
                    if left == 0 || update.revision == store.head { break reading }
                }
                if round % 3 == 0 {
                    try await store.setCursor("tally", to: .acknowledged(max(0, Tally.load(result).revision - 5)))
                }
                if round % 5 == 0 {
                    try await store.close()
                    store = try await WatchStore.open(path, options: tightOptions())
                }
            }
            #expect(try Tally.load(result) == Tally(revision: 200, sum: 200 * 201 / 2))
            try await store.close()
        }
    }

    @Test func aProcessThatFollowsAcknowledgesToo() async throws {
        try await withTemporaryDirectory { path in
            let writer = try await WatchStore.open(path, options: tightOptions())
            for index in 1...20 { try await writer.put("k", "\(index)") }
            try await writer.close()
            // One process cannot have both open; nobody writes meanwhile.
            let reader = try await WatchStore.open(path, options: StoreOptions(access: .readOnly))
            let watch = try reader.watch(.all, from: .cursor("c"))
            for try await element in watch {
                if case .update(let update) = element, update.revision == 13 { break }
            }
            try await watch.flushAcknowledged()
            #expect(try reader.cursor("c")?.acknowledged == 12)
            try await reader.close()
            let again = try await WatchStore.open(path, options: tightOptions())
            let updates = try await collect(again.watch(.all, from: .cursor("c")), through: 20)
            #expect(updates.map(\.revision) == Array(13...20))
            try await again.close()
        }
    }

    @Test("the cursor of a quiet key moves on with what others do, and holds nothing for it")
    func aQuietCursorMovesOn() async throws {
        var options = tightOptions()
        options.log.cursorInterval = .milliseconds(10)
        try await withStore(options) { store in
            let watch = try store.watch(.key("quiet"), from: .cursor("c"))
            let reading = Task { for try await _ in watch {} }
            for index in 1...50 { try await store.put("busy", "\(index)") }
            while try store.cursor("c")?.acknowledged ?? 0 < 50 {
                // Each write lets a checkpoint ask for the progress.
                try await store.put("busy", "more")
            }
            reading.cancel()
            try await reading.value
        }
    }

    @Test func aFirstSnapshotBeginsAgainUntilItIsComplete() async throws {
        try await withStore { store in
            for index in 1...3 { try await store.put("k/\(index)", "v") }
            let options = WatchOptions(cursor: CursorOptions(first: .snapshot))
            for _ in 1...2 {
                let watch = try store.watch(.prefix("k/"), from: .cursor("copy"), options: options)
                for try await element in watch {
                    guard case .state(let page) = element else {
                        Issue.record("\(element)")
                        break
                    }
                    #expect(page.count == 3)
                    break
                }
                watch.cancel()
                #expect(try store.cursor("copy") == nil)
            }
            let watch = try store.watch(.prefix("k/"), from: .cursor("copy"), options: options)
            for try await element in watch {
                if case .synced(let revision) = element { #expect(revision == 3) }
                if case .progress = element { break }
                watch.requestProgress()
            }
            try await watch.flushAcknowledged()
            watch.cancel()
            #expect(try store.cursor("copy")?.acknowledged == 3)
            try await store.put("k/4", "v")
            let updates = try await collect(store.watch(.all, from: .cursor("copy"), options: options), through: 4)
            #expect(updates.map(\.revision) == [4])
        }
    }
}

/// What a consumer keeps: its result, and through which revision it counts, in one file that is replaced as a whole.
private struct Tally: Codable, Equatable {
    var revision: Revision = 0
    var sum = 0

    static func load(_ path: String) throws -> Tally {
        guard let data = FileManager.default.contents(atPath: path) else { return Tally() }
        return try JSONDecoder().decode(Tally.self, from: data)
    }

    func save(_ path: String) throws {
        try JSONEncoder().encode(self).write(to: URL(fileURLWithPath: path), options: .atomic)
    }
}
