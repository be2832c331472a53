/// What puts of many writers came to.
struct PutFigures: Sendable {
    var puts = 0
    var times = Times()
    var seconds = 0.0

    var rate: Double { Double(puts) / seconds }
}

/// How writers go about it.
struct Writers: Sendable {
    var count: Int
    var valueBytes: Int
    var keys: UInt64 = 1_000_000
    /// All together; nil for as fast as each put allows the next.
    var perSecond: Double?

    /// Lets them write until `isOver`, asked by each before each of its puts.
    func write(
        _ session: any StoreSession, until isOver: @escaping @Sendable () -> Bool
    ) async throws -> PutFigures {
        let values = Values(bytes: valueBytes)
        let start = now()
        var figures = try await withThrowingTaskGroup(of: PutFigures.self) { group in
            for writer in 0..<count { group.addTask { try await write(session, writer, values, start, isOver) } }
            var all = PutFigures()
            for try await figures in group {
                all.puts += figures.puts
                all.times.add(figures.times)
            }
            return all
        }
        figures.seconds = Double(now() - start) / 1e9
        return figures
    }

    func write(_ session: any StoreSession, seconds: Double) async throws -> PutFigures {
        let end = now() + .seconds(seconds)
        return try await write(session) { now() >= end }
    }

    private func write(
        _ session: any StoreSession, _ writer: Int, _ values: Values, _ start: Int64,
        _ isOver: @Sendable () -> Bool
    ) async throws -> PutFigures {
        var figures = PutFigures()
        var random = Random(seed: writer)
        // Paced writers take turns, evenly spread.
        let pause = perSecond.map { Double(count) / $0 * 1e9 }
        var next = Double(start) + (pause ?? 0) * Double(writer) / Double(count)
        while !isOver() {
            if let pause {
                try await sleep(until: Int64(next))
                next += pause
            }
            let (name, value) = (key(random.next(below: keys)), values[random.next(below: .max)])
            let begin = now()
            _ = try await session.put(name, value)
            figures.times.add(now() - begin)
            figures.puts += 1
        }
        return figures
    }
}
