import Testing
import Vigil

/// Progress at revision R means: everything up to R was delivered on this watch.
@Suite(.timeLimit(.minutes(1))) struct P6Bookmarkable {
    @Test("C6 progress grows, is not behind what was delivered, and nothing before it comes after it")
    func progressIsTrue() async throws {
        try await withStore { store in
            let watch = try store.watch(.prefix("a/"))
            async let writing: Void = writeConcurrently(store)
            var delivered: Revision = 0
            var progress: Revision = 0
            var seen: [WatchEvent] = []
            for try await element in watch {
                switch element {
                case .update(let update):
                    #expect(update.revision > progress)
                    delivered = update.revision
                    seen += update.events
                    if seen.count % 5 == 0 { watch.requestProgress() }
                case .progress(let revision):
                    #expect(revision >= progress && revision >= delivered)
                    progress = revision
                    #expect(seen == (try logged(store, .prefix("a/"))).filter { $0.revision <= revision })
                default: break
                }
                if seen.count > 150 { break }
            }
            watch.cancel()
            try await writing
        }
    }

    @Test("C13 progress is answered on keys that never change")
    func progressOnAQuietRange() async throws {
        try await withStore { store in
            let watch = try store.watch(.key("quiet"))
            for _ in 0..<200 { try await store.put("loud", "1") }
            #expect(try await collect(watch, through: 200).isEmpty)
            #expect(watch.resumeRevision > 200)
        }
    }
}
