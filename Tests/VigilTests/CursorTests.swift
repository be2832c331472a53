import TestSupport
import Testing
import Vigil

@Suite(.timeLimit(.minutes(1))) struct CursorTests {
    private func withStore(_ body: (WatchStore) async throws -> Void) async throws {
        try await withTemporaryDirectory { path in
            let store = try await WatchStore.open(path)
            for index in 1...100 { try await store.put("k/\(index % 9)", "\(index)") }
            try await body(store)
            try await store.close()
        }
    }

    private func code(_ body: () async throws -> Void) async -> StoreError.Code? {
        do {
            try await body()
            return nil
        } catch {
            return (error as? StoreError)?.code
        }
    }

    @Test func namesAreChecked() async throws {
        try await withStore { store in
            for name in ["", String(repeating: "x", count: 256), "a\nb", "a\u{7F}"] {
                #expect(await code { try await store.setCursor(name, to: .now) } == .invalidArgument, "\(name)")
                #expect(await code { _ = try store.watch(.all, from: .cursor(name)) } == .invalidArgument, "\(name)")
            }
            for name in ["x", String(repeating: "x", count: 255), "größe/日本"] {
                try await store.setCursor(name, to: .now)
                #expect(try store.cursor(name)?.acknowledged == 100)
            }
            #expect(try store.cursors().count == 3)
            let other = WatchOptions(cursor: CursorOptions(first: .cursor("y")))
            #expect(await code { _ = try store.watch(.all, from: .cursor("z"), options: other) } == .invalidArgument)
        }
    }

    @Test func setMovesItAnywhereRetained() async throws {
        try await withStore { store in
            try await store.compact(through: 40)
            for (position, expected): (CursorPosition, Revision) in [
                (.earliest, 39), (.now, 100), (.acknowledged(39), 39), (.acknowledged(70), 70),
            ] {
                try await store.setCursor("c", to: position)
                #expect(try store.cursor("c")?.acknowledged == expected)
            }
            #expect(await code { try await store.setCursor("c", to: .acknowledged(38)) } == .compacted)
            #expect(await code { try await store.setCursor("c", to: .acknowledged(101)) } == .futureRevision)
            let cursor = try #require(try store.cursor("c"))
            #expect(cursor.lag.revisions == 30 && cursor.lag.bytes > 0 && !cursor.isCompacted)
            #expect(try await store.removeCursor("c"))
            #expect(try await !store.removeCursor("c"))
            #expect(try store.cursor("c") == nil)
        }
    }

    @Test func aWatchEndsWhenItsCursorIsSetOrRemoved() async throws {
        try await withStore { store in
            for code in [StoreError.Code.cursorMoved, .cursorNotFound] {
                let watch = try store.watch(.all, from: .cursor("c"))
                #expect(await self.code { _ = try store.watch(.all, from: .cursor("c")) } == .cursorInUse)
                var iterator = watch.makeAsyncIterator()
                _ = try await iterator.next()
                if code == .cursorMoved {
                    try await store.setCursor("c", to: .earliest)
                } else {
                    try await store.removeCursor("c")
                }
                #expect(await self.code { while try await iterator.next() != nil {} } == code)
                // And it does not keep others from using it.
                try store.watch(.all, from: .cursor("c")).cancel()
            }
        }
    }

    @Test func onlyWhatWasDeliveredCanBeAcknowledged() async throws {
        try await withStore { store in
            let plain = try store.watch(.all, from: .earliest)
            #expect(await code { try plain.acknowledge(1) } == .invalidArgument)
            let watch = try store.watch(
                .all, from: .cursor("c"), options: WatchOptions(cursor: CursorOptions(acknowledgement: .explicit)))
            #expect(await code { try watch.acknowledge(1) } == .invalidArgument)
            var iterator = watch.makeAsyncIterator()
            for _ in 1...5 { _ = try await iterator.next() }
            #expect(await code { try watch.acknowledge(6) } == .invalidArgument)
            try watch.acknowledge(4)
            try watch.acknowledge(2)
            try await watch.flushAcknowledged()
            #expect(try store.cursor("c")?.acknowledged == 4)
            try watch.acknowledge()
            #expect(try store.cursor("c")?.acknowledged == 5)
        }
    }

    @Test func aHoldForbidsACompactionWithinItsBound() async throws {
        try await withStore { store in
            try await store.setCursor("c", to: .acknowledged(30))
            #expect(await code { try await store.setCursor("c", hold: CursorHold()) } == .invalidArgument)
            #expect(await code { try await store.setCursor("none", hold: nil) } == .cursorNotFound)
            try await store.setCursor("c", hold: CursorHold(revisions: 70))
            try await store.compact(through: 31)
            do {
                try await store.compact(through: 32)
                Issue.record("compacted what is held")
            } catch let error as StoreError {
                #expect(error.code == .held && error.message.contains("\"c\"") && error.earliest == 31, "\(error)")
            }
            #expect(store.earliest == 31)
            // One more revision, and it is beyond its bound.
            try await store.put("k", "v")
            try await store.compact(through: 32)
            #expect(try store.cursor("c")?.isCompacted == true)
            let watch = try store.watch(.all, from: .cursor("c"))
            #expect(await code { for try await _ in watch {} } == .compacted)
        }
    }

    @Test func beyondItsBoundACursorFailsIfItChoosesSo() async throws {
        try await withStore { store in
            let hold = CursorHold(revisions: 50, then: .fail)
            let watch = try store.watch(.all, from: .cursor("c"), options: WatchOptions(cursor: .init(hold: hold)))
            var iterator = watch.makeAsyncIterator()
            _ = try await iterator.next()
            try await store.compact(through: 20)
            #expect(try store.cursor("c")?.isFailed == true)
            #expect(await code { while try await iterator.next() != nil {} } == .cursorFailed)
            #expect(await code { _ = try store.watch(.all, from: .cursor("c")) } == .cursorFailed)
            try await store.setCursor("c", to: .earliest)
            #expect(try store.cursor("c")?.hold == hold)
            let updates = try await { () async throws -> Int in
                var count = 0
                for try await event in try store.watch(.all, from: .cursor("c")).events {
                    count += 1
                    if event.revision == 100 { break }
                }
                return count
            }()
            #expect(updates == 81)
        }
    }

    @Test func whatIsHeldCanBeOverridden() async throws {
        try await withStore { store in
            try await store.setCursor("release", to: .earliest)
            try await store.setCursor("release", hold: CursorHold(bytes: 1 << 40))
            try await store.setCursor("fail", to: .earliest)
            try await store.setCursor("fail", hold: CursorHold(age: .seconds(3600), then: .fail))
            #expect(await code { try await store.compact(through: 50) } == .held)
            try await store.compact(through: 50, overridesCursors: true)
            let cursors = try store.cursors()
            #expect(cursors.map(\.name) == ["fail", "release"])
            #expect(cursors.map(\.isFailed) == [true, false] && cursors.allSatisfy(\.isCompacted))
        }
    }

    @Test("random uses, against a dictionary")
    func model() async throws {
        let seed = UInt64.random(in: 0 ... .max)
        var random = SeededGenerator(seed)
        try await withTemporaryDirectory { path in
            var store = try await WatchStore.open(path)
            var model: [String: Revision] = [:]
            var watches: [String: (watch: Watch, iterator: Watch.AsyncIterator)] = [:]
            for _ in 0..<300 {
                let name = "c\(random.below(4))"
                switch random.below(8) {
                case 0, 1: try await store.put("k", "v")
                case 2:
                    let low = store.earliest - 1
                    let position = low + Revision(random.below(Int(max(store.head, low) - low) + 1))
                    try await store.setCursor(name, to: .acknowledged(position))
                    model[name] = position
                    watches[name] = nil
                case 3:
                    #expect(
                        try await store.removeCursor(name) == (model.removeValue(forKey: name) != nil), "seed \(seed)")
                    watches[name] = nil
                case 4, 5:
                    guard store.head > model[name] ?? 0, model[name] ?? 0 >= store.earliest - 1 else { continue }
                    if watches[name] == nil {
                        let watch = try store.watch(.all, from: .cursor(name))
                        watches[name] = (watch, watch.makeAsyncIterator())
                        if model[name] == nil { model[name] = store.earliest - 1 }
                    }
                    // What was delivered before is acknowledged, the element in hand is not.
                    let before = watches[name]!.watch.resumeRevision - 1
                    _ = try await watches[name]!.iterator.next()
                    model[name] = max(model[name] ?? 0, before)
                    if watches[name]!.watch.resumeRevision > store.head { watches[name] = nil }
                case 6 where random.chance(4):
                    watches = [:]
                    try await store.close()
                    store = try await WatchStore.open(path)
                case 7 where random.chance(4) && store.head > store.earliest:
                    watches = [:]
                    try await store.compact(through: store.earliest + 1)
                default: continue
                }
                let found = try store.cursors()
                #expect(
                    Dictionary(uniqueKeysWithValues: found.map { ($0.name, $0.acknowledged) }) == model, "seed \(seed)")
            }
            #expect(try store.check(deep: true).problems == [])
            try await store.close()
        }
    }
}
