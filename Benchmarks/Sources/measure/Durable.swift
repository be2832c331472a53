import Foundation
import Vigil

/// The store: writes, replay, resume, opening.
enum Durable {
    static func measure(_ path: String, floor: Times) async throws {
        let store = try await WatchStore.open(path)
        try await oneWriter(store, floor)
        for (writers, puts) in [(64, 200_000), (512, 500_000)] { try await manyWriters(store, writers, puts) }
        try await putToEvent(store)
        try await replay(store)
        try await quietKey(store)
        let statistics = try store.statistics()
        Measure.show("log of these puts, stored by raw size", String(format: "%.2f", statistics.ratio))
        try await store.close()
        try await opening(path)
    }

    private static func oneWriter(_ store: WatchStore, _ floor: Times) async throws {
        var times = Times()
        for index in 0..<2000 {
            let start = ContinuousClock.now
            try await store.put("one/\(index % 500)", value)
            times.add(.now - start)
        }
        let ratio = times.percentile(0.5) / floor.percentile(0.5)
        Measure.show("durable put, 1 writer", times.text + String(format: ", %.2f of the bare p50", ratio))
    }

    /// 128 bytes.
    private static let value = Bytes([UInt8](repeating: 0x78, count: 128))

    private static func manyWriters(_ store: WatchStore, _ writers: Int, _ puts: Int) async throws {
        let start = ContinuousClock.now
        try await withThrowingTaskGroup(of: Void.self) { group in
            for writer in 0..<writers {
                group.addTask {
                    var random = UInt64(writer + 1) &* 0x9E37_79B9_7F4A_7C15
                    for _ in 0..<puts / writers {
                        random ^= random << 13
                        random ^= random >> 7
                        random ^= random << 17
                        try await store.put("many/\(random % 1_000_000)", value)
                    }
                }
            }
            try await group.waitForAll()
        }
        Measure.show("durable puts, \(writers) writers, 1 M keys, 128 B", perSecond(puts, .now - start))
    }

    private static func putToEvent(_ store: WatchStore) async throws {
        let watch = try store.watch(.key("event"))
        var elements = watch.makeAsyncIterator()
        var times = Times()
        for _ in 0..<1000 {
            let start = ContinuousClock.now
            try await store.put("event", value)
            _ = try await elements.next()
            times.add(.now - start)
        }
        Measure.show("put to its event", times.text)
    }

    private static func replay(_ store: WatchStore) async throws {
        let start = ContinuousClock.now
        let head = store.head
        let watch = try store.watch(.all, from: .earliest)
        var count = 0
        for try await element in watch {
            guard case .update(let update) = element else { continue }
            count += 1
            if update.revision == head { break }
        }
        Measure.show("replay of everything, \(count) revisions", perSecond(count, .now - start))
    }

    private static func quietKey(_ store: WatchStore) async throws {
        let revision = try await store.put("quiet", value)
        try await manyWriters(store, 512, 102_400)
        var times = Times()
        for _ in 0..<20 {
            let start = ContinuousClock.now
            let watch = try store.watch(.key("quiet"), from: .revision(revision))
            for try await element in watch { if case .progress = element { break } }
            times.add(.now - start)
        }
        Measure.show("resume of a quiet key past 100 k other changes", times.text)
    }

    private static func opening(_ path: String) async throws {
        var times = Times()
        for _ in 0..<5 {
            let start = ContinuousClock.now
            let store = try await WatchStore.open(path)
            times.add(.now - start)
            try await store.close()
        }
        Measure.show("open", times.text)
    }
}
