import Testing
import Vigil

extension P9Bounded {
    /// Many times the retention is written, over keys that come and go, while watches read live, fall behind and begin
    /// anew. After a first part of it neither the log nor LMDB's file grows any more: what is freed is used again.
    @Test func retentionHoldsAStoreThatIsWrittenForEverAtABoundedSize() async throws {
        var options = tightOptions()
        options.log.retention = Retention(bytes: 128 << 10)
        options.log.mapBytes = 1 << 20
        try await withStore(options) { store in
            let slow = try store.watch(.prefix("k/1"), from: .earliest)
            let reading = Task { try await Self.follow(store) }
            defer { reading.cancel() }
            var sizes: [(log: Int, file: Int)] = []
            for round in 0..<80 {
                try await Self.write(store, round)
                let statistics = try store.statistics()
                sizes.append((statistics.logBytes, statistics.fileBytes))
                #expect(statistics.compactionFailure == nil)
            }
            slow.cancel()
            reading.cancel()
            #expect(store.earliest > 10_000)
            // The bound, its slack, and two rounds that a compaction had not followed yet.
            let bound = (128 << 10) + (128 << 10) / 16 + 2 * (64 << 10)
            let settled = sizes.dropFirst(20)
            #expect(settled.allSatisfy { $0.log <= bound }, "\(settled.map(\.log))")
            // Readers hold freed pages for a moment, so the file is larger than its contents; but it does not grow by what
            // is written, twice its size in the second half.
            let (first, last) = (sizes[20..<50].map(\.file).max()!, sizes[50..<80].map(\.file).max()!)
            #expect(Double(last) <= 1.5 * Double(first), "\(sizes.map(\.file))")
            #expect(try store.check(deep: true).problems == [])
        }
    }

    /// 300 revisions, a third of them deletes.
    private static func write(_ store: WatchStore, _ round: Int) async throws {
        let results = try await store.transactions(
            (0..<300).map { index in
                let key = Bytes("k/\((index * 7 + round) % 200)")
                if index % 3 == 2 { return Transaction(then: [.delete(key), .put("deletes", "\(index)")]) }
                let value = Bytes((0..<120).map { UInt8(truncatingIfNeeded: $0 &* index &+ round) })
                return Transaction(then: [.put(key, value)])
            })
        for result in results { _ = try result.get() }
    }

    /// Begins at the earliest revision again and again, and reads for a while.
    private static func follow(_ store: WatchStore) async throws {
        while !Task.isCancelled {
            var seen = 0
            do {
                for try await _ in try store.watch(.all, from: .earliest) {
                    seen += 1
                    if seen > 2000 { break }
                }
            } catch let error as StoreError where error.code == .compacted {}
        }
    }
}
