import TestSupport
import Testing
import Threads

@testable import Vigil

/// Many watches read by one task, which is told by bells which of them to ask.
@Suite(.timeLimit(.minutes(2))) struct LiveReadingTests {
    private static let watches = 50
    private static let writes = 2000

    /// Buffers of two overflow all the time: then a watch is read by iterating until it is near the head again. Every
    /// event comes once, in order, and no bell is forgotten.
    @Test func everyEventComesOnce() async throws {
        try await withTemporaryDirectory { path in
            let store = try await WatchStore.open(path, options: StoreOptions(durability: .interval(.seconds(1))))
            let watches = try (0..<Self.watches).map { number in
                try store.watch(.key("k\(number % 5)"), from: .now, options: WatchOptions(bufferSize: 2))
            }
            let bells = AsyncStream<Int>.makeStream()
            let reading = Task {
                var seen = Array(repeating: [Revision](), count: Self.watches)
                var (count, iterated) = (0, 0)
                for number in watches.indices { bells.continuation.yield(number) }
                for await number in bells.stream {
                    let reading = try watches[number].readLive(orElse: { bells.continuation.yield(number) }) {
                        element in
                        guard case .update(let update) = element else { return true }
                        seen[number].append(update.revision)
                        count += 1
                        return count % 3 != 0
                    }
                    switch reading {
                    case .nothing: break
                    case .stopped: bells.continuation.yield(number)
                    case .elsewhere:
                        iterated += 1
                        var iterator = watches[number].makeAsyncIterator()
                        repeat {
                            guard case .update(let update)? = try await iterator.next() else { continue }
                            seen[number].append(update.revision)
                            count += 1
                        } while !watches[number].isNearHead
                        bells.continuation.yield(number)
                    }
                    if count == Self.writes * Self.watches / 5 { break }
                }
                return (seen, iterated)
            }
            var expected = Array(repeating: [Revision](), count: 5)
            var written = 0
            while written < Self.writes {
                let transactions = (written..<written + 20).map { Transaction(then: [.put("k\($0 % 5)", "v")]) }
                for (index, result) in try await store.transactions(transactions).enumerated() {
                    expected[(written + index) % 5].append(try result.get().revision)
                }
                written += 20
            }
            let (seen, iterated) = try await reading.value
            for number in watches.indices { #expect(seen[number] == expected[number % 5], "watch \(number)") }
            #expect(iterated > 0, "no buffer was ever full")
            try await store.close()
        }
    }

    /// A watch that rests costs commits nothing, tells when it has something of its own, and goes on where it is told to.
    @Test func aWatchRestsUntilItHasSomethingOfItsOwn() async throws {
        try await withTemporaryDirectory { path in
            let store = try await WatchStore.open(path)
            let watch = try store.watch(.key("k"))
            let bells = AsyncStream<Void>.makeStream()
            var ringing = bells.stream.makeAsyncIterator()
            let bell: @Sendable () -> Void = { bells.continuation.yield() }
            var seen: [Revision] = []
            func read() throws -> LiveReading {
                try watch.readLive(orElse: bell) { element in
                    if case .update(let update) = element { seen.append(update.revision) }
                    if case .progress(let revision) = element { seen.append(-revision) }
                    return true
                }
            }
            let early = watch.rest(orElse: bell)
            #expect(early == nil, "it rests though it does not wait yet")
            try await Self.join(watch, bell, bells.stream)
            let next = try #require(watch.rest(orElse: bell))
            #expect(next == 1)
            try await until { store.watchMetrics.watchers == 0 }
            let second = watch.rest(orElse: bell)
            #expect(second == nil, "it rests already")

            for _ in 1...3 { try await store.put("k", "v") }
            watch.requestProgress()
            await ringing.next()
            // Somebody else had the first two.
            watch.wake(at: 3)
            while true {
                let reading = try read()
                if seen.contains(-3) { break }
                if case .nothing = reading { await ringing.next() }
                while let element = try watch.nextAvailable() {
                    if case .update(let update) = element { seen.append(update.revision) }
                    if case .progress(let revision) = element { seen.append(-revision) }
                }
                if seen.contains(-3) { break }
            }
            #expect(seen.filter { $0 > 0 } == [3])

            while case .elsewhere = try read() { _ = try watch.nextAvailable() }
            let third = watch.rest(orElse: bell)
            #expect(third == 4)
            watch.cancel()
            await ringing.next()
            guard case .elsewhere = try read() else { throw Unexpected() }
            let end = try await watch.nextElement()
            #expect(end == nil)
            try await store.close()
        }
    }

    @Test func theEndRingsTheBell() async throws {
        try await withTemporaryDirectory { path in
            let store = try await WatchStore.open(path)
            for cancels in [true, false] {
                let watch = try store.watch(.all)
                let bells = AsyncStream<Void>.makeStream()
                var ringing = bells.stream.makeAsyncIterator()
                let bell: @Sendable () -> Void = { bells.continuation.yield() }
                try await Self.join(watch, bell, bells.stream)
                if cancels { watch.cancel() } else { try await store.close() }
                await ringing.next()
                guard case .elsewhere = try watch.readLive(orElse: bell, { _ in true }) else { throw Unexpected() }
                var iterator = watch.makeAsyncIterator()
                #expect(try await iterator.next() == nil)
            }
        }
    }

    /// Reads until the dispatcher routes to the watch and has nothing for it; the bell has rung each time it was to.
    private static func join(
        _ watch: Watch, _ bell: @escaping @Sendable () -> Void, _ rings: AsyncStream<Void>
    ) async throws {
        var isLive = false
        var ringing = rings.makeAsyncIterator()
        watch.requestProgress()
        while true {
            let reading = try watch.readLive(orElse: bell) { element in
                if case .progress = element { isLive = true }
                return true
            }
            guard case .nothing = reading else { throw Unexpected() }
            if isLive { return }
            await ringing.next()
        }
    }

    private struct Unexpected: Error {}
}
