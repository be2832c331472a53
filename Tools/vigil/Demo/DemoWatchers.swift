import Vigil

/// The watchers of the demo that live in this process. Each reads until it has seen the writer's last revision.
struct DemoWatchers {
    let store: WatchStore
    let progress: DemoProgress
    /// The newest revision before the writer began.
    let start: Revision
    /// How many revisions the writer is going to make, about.
    let planned: Int
    private let live: Watch
    private let sluggish: Watch

    /// Begins the live watches, so that they miss nothing of a writer that begins afterwards.
    init(store: WatchStore, progress: DemoProgress, start: Revision, planned: Int) throws {
        self.store = store
        self.progress = progress
        self.start = start
        self.planned = planned
        live = try store.watch(.all, options: WatchOptions(bufferSize: 1024))
        sluggish = try store.watch(.all)
    }

    /// Follows live.
    func fast() async throws -> WatcherReport {
        try await follow(live, WatcherReport(name: "fast, live", from: start + 1)) { _ in }
    }

    /// Reads some, then waits until far more was written than its buffer of ten holds; and again.
    func slow() async throws -> WatcherReport {
        let pause = Revision(max(planned / 6, 20))
        var read = 0
        return try await follow(sluggish, WatcherReport(name: "slow, buffer of 10", from: start + 1)) { revision in
            read += 1
            if read % 100 == 1 { await progress.reach(revision + pause) }
        }
    }

    /// Begins when three quarters are written, with the oldest revision that there is.
    func late() async throws -> WatcherReport {
        await progress.reach(start + Revision(planned * 3 / 4))
        let from = store.earliest
        let watch = try store.watch(.all, from: .earliest)
        return try await follow(watch, WatcherReport(name: "late, from the earliest", from: from)) { _ in }
    }

    /// Reads until everything that the writer made was delivered: the progress that is asked for at the end says so.
    private func follow(
        _ watch: Watch, _ initial: WatcherReport, after: (Revision) async -> Void
    ) async throws -> WatcherReport {
        var report = initial
        let finishing = Task { () -> ContinuousClock.Instant in
            _ = await progress.finish()
            watch.requestProgress()
            return .now
        }
        for try await element in watch {
            if case .update(let update) = element {
                report.sightings += update.map(Sighting.init)
                await after(update.revision)
            } else if case .progress(let revision) = element, let last = await progress.last, revision >= last {
                break
            }
        }
        report.catchUp = ContinuousClock.now - (await finishing.value)
        report.parked = watch.statistics.parked
        report.replayed = watch.statistics.replayed
        return report
    }
}
