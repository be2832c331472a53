/// Durable puts, by the number of writers.
struct Puts: Workload {
    let name = "puts"

    func measure(_ run: Run) async throws -> [Section] {
        var sections: [Section] = []
        for bytes in [128, 1024] {
            let section = Section(
                "puts-\(bytes)", "Durable puts of \(bytes) bytes", axis: "writers",
                metrics: [
                    Metric(id: "rate", title: "puts a second", unit: .perSecond),
                    Metric(id: "p50", title: "p50 of a put", unit: .nanoseconds),
                    Metric(id: "p99", title: "p99 of a put", unit: .nanoseconds),
                ],
                text: """
                    Each writer puts to random keys out of a million, the next when the last is acknowledged, into a \
                    store that begins empty. Values are cut from JSON as services write it, a thousand different ones. The bare write and the bare commit do for n writers what they could at \
                    best: everything with one flush; the bare group commit is that with n writers who each wait for it.
                    """)
            await run.interleave(Contender.all, rounds: run.rounds, name: \.name, in: section) { contender, _ in
                try await measure(contender, bytes, run, section)
            }
            sections.append(section)
        }
        return sections
    }

    private func measure(_ contender: Contender, _ bytes: Int, _ run: Run, _ section: Section) async throws {
        let path = run.newDirectory()
        defer { run.discard(path) }
        var store: (any OpenStore)?
        if case .store(let system) = contender { store = try await system.open(path) }
        for writers in [1, 64, 512] {
            let seconds = run.choose(quick: 0.5, full: 1.0) / (contender.isFloor ? 2 : 1)
            let figures: PutFigures
            switch contender {
            case .store:
                let session = try await store!.session(callers: writers)
                // What comes first also opens connections, prepares statements and makes files.
                _ = try await Writers(count: writers, valueBytes: bytes).write(session, seconds: seconds / 10)
                figures = try await Writers(count: writers, valueBytes: bytes).write(session, seconds: seconds)
                await session.close()
            case .floor(_, let measure):
                figures = try await onThread {
                    Result { try measure(path, writers, bytes, seconds) }
                }.get()
            }
            section.record("rate", contender.name, writers, figures.rate)
            section.record("p50", contender.name, writers, figures.times.percentile(0.5))
            section.record("p99", contender.name, writers, figures.times.percentile(0.99))
        }
        try await store?.shutDown()
    }
}

/// A store, or one of the floors below all of them.
private enum Contender: Sendable {
    case store(any StoreSystem)
    case floor(String, @Sendable (String, Int, Int, Double) throws -> PutFigures)

    var name: String {
        switch self {
        case .store(let system): system.name
        case .floor(let name, _): name
        }
    }

    var isFloor: Bool {
        switch self {
        case .store(let system): system is GroupFloor
        case .floor: true
        }
    }

    static var all: [Contender] {
        (storeSystems() + [GroupFloor()]).map(Contender.store) + [
            .floor(FlushFloor.name) { try FlushFloor.measure($0, writers: $1, bytes: $2, seconds: $3) },
            .floor(LMDBFloor.name) { try LMDBFloor.measure($0, writers: $1, bytes: $2, seconds: $3) },
        ]
    }
}
