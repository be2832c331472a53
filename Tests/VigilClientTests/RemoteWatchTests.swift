import TestSupport
import Testing
import Vigil
import VigilClient

@testable import VigilServer

/// Watches of a server: what they deliver, and what becomes of them when it goes away.
@Suite(.timeLimit(.minutes(2))) struct RemoteWatchTests {
    @Test func aLostConnectionIsMadeAgainAndNothingIsMissedOrDoubled() async throws {
        try await withServing { serving, client in
            let watch = try await client.watch(.prefix("k/"), from: .now)
            var seen: [Revision] = []
            for round in 0..<5 {
                for number in 0..<20 { try await serving.store.put("k/\(round)/\(number)", "v") }
                // Some of it is on its way when the connection breaks.
                seen += try await watch.updates(events: 10).map(\.revision)
                try await serving.stop()
                try await serving.start()
            }
            seen += try await watch.updates(events: 50).map(\.revision)
            #expect(seen == Array(1...100))
        }
    }

    @Test func compactionWhileAwayIsSaid() async throws {
        try await withServing { serving, client in
            for number in 0..<10 { try await serving.store.put("k", Bytes("\(number)")) }
            let watch = try await client.watch(.all, from: .revision(1))
            _ = try await watch.updates(events: 10)
            try await serving.stop()
            try await serving.start()
            for number in 0..<10 { try await serving.store.put("k", Bytes("\(number)")) }
            try await serving.store.compact(through: 18)
            do {
                _ = try await watch.updates(events: 1)
                Issue.record("the watch went on")
            } catch let error as StoreError {
                #expect(error.code == .compacted && error.requested == 11 && error.earliest == 18)
            }
        }
    }

    @Test func anotherStoreIsNotGoneOnWith() async throws {
        try await withServing { serving, client in
            try await serving.store.put("k", "1")
            let watch = try await client.watch(.all, from: .revision(1))
            _ = try await watch.updates(events: 1)
            try await serving.stop()
            try await serving.start("another")
            do {
                _ = try await watch.updates(events: 1)
                Issue.record("the watch went on")
            } catch let error as ClientError {
                #expect(error.code == .failed && error.description.contains("another store"))
            }
        }
    }

    @Test func aServerThatStaysAwayEndsItInTime() async throws {
        try await withServing { serving, client in
            var options = StoreClientOptions(serving.endpoint)
            options.timeout = .milliseconds(200)
            let impatient = StoreClient(options)
            let watch = try await impatient.watch(.all)
            try await serving.stop()
            await #expect(throws: ClientError.self) { try await watch.next() }
            try await serving.start()
        }
    }

    @Test func cancellingEndsItAlsoWhileItIsDisconnected() async throws {
        try await withServing { serving, client in
            let watch = try await client.watch(.all)
            let reading = Task { try await watch.next() }
            try await serving.stop()
            watch.cancel()
            #expect(try await reading.value == nil)
            try await serving.start()
            let second = try await client.watch(.all)
            let task = Task { try await second.next() }
            task.cancel()
            #expect(try await task.value == nil)
        }
    }

    @Test func aCursorGoesOnAcrossConnections() async throws {
        try await withServing { serving, client in
            for number in 0..<10 { try await serving.store.put("k/\(number)", "v") }
            let options = WatchOptions(cursor: CursorOptions(acknowledgement: .explicit))
            let watch = try await client.watch(.all, from: .cursor("indexer"), options: options)
            var seen = try await watch.updates(events: 4).map(\.revision)
            try await watch.acknowledge()
            seen += try await watch.updates(events: 2).map(\.revision)
            // What was delivered and not acknowledged does not come again on this watch.
            try await serving.stop()
            try await serving.start()
            seen += try await watch.updates(events: 4).map(\.revision)
            #expect(seen == Array(1...10))
            try await watch.acknowledge()
            try await watch.flushAcknowledged()
            #expect(try await client.cursor("indexer")?.acknowledged == 10)
            await #expect(throws: StoreError.self) {
                _ = try await client.watch(.all, from: .cursor("indexer"), options: options)
            }
            watch.cancel()
        }
    }

    /// The server that is told has yet to deliver it again, and would refuse it.
    @Test func whatCameBeforeTheConnectionWasLostCanBeAcknowledgedAfterIt() async throws {
        try await withServing { serving, client in
            for _ in 0..<1000 { try await serving.store.put("k", "v") }
            let options = WatchOptions(cursor: CursorOptions(acknowledgement: .explicit))
            let watch = try await client.watch(.key("k"), from: .cursor("indexer"), options: options)
            let seen = try await watch.updates(events: 1).map(\.revision)
            // No event of the watch has it.
            try await serving.store.put("other", "v")
            try await serving.stop()
            try await serving.start()
            let rest = try await watch.updates(events: 999).map(\.revision)
            #expect(seen + rest == Array(1...1000))
            try await watch.acknowledge()
            try await watch.flushAcknowledged()
            #expect(try await client.cursor("indexer")?.acknowledged == 1000)
            watch.cancel()
        }
    }

    @Test func aReaderThatLagsHoldsNobodyUpAndGetsEverything() async throws {
        try await withServing { serving, client in
            let watch = try await client.watch(.all, from: .now)
            let value = Bytes([UInt8](repeating: 7, count: 10_000))
            // Far more than the windows of HTTP/2 and the buffers of both ends hold.
            for number in 0..<2000 { try await serving.store.put("k/\(number % 10)", value) }
            #expect(try await client.head == 2000)
            let updates = try await watch.updates(events: 2000)
            #expect(updates.map(\.revision) == Array(1...2000))
            #expect(updates.allSatisfy { $0.events.allSatisfy { $0.value == value } })
        }
    }

    /// What waits for a client that does not read is let go of, though no buffer is full: it is read from the log then.
    @Test func theWatchOfAReaderThatLagsHoldsNothing() async throws {
        try await withServing { serving, client in
            let watch = try await client.watch(.all, from: .now)
            // More than the windows of HTTP/2 hold, in fewer updates than the buffer of the watch does.
            let value = Bytes([UInt8](repeating: 7, count: 500_000))
            for _ in 0..<10 { try await serving.store.put("k", value) }
            try await until { serving.server.member.parkStalled() > 0 }
            // It has been parked if the dispatcher finds it so.
            try await serving.store.put("k", "last")
            try await until { serving.store.watchMetrics.parked > 0 }
            #expect(try await watch.updates(events: 11).map(\.revision) == Array(1...11))
        }
    }

    @Test func aRevisionOfManyMegabytesComesWhole() async throws {
        try await withServing { serving, client in
            let value = Bytes([UInt8](repeating: 1, count: 100_000))
            for number in 0..<50 { try await serving.store.put("k/\(number)", value) }
            let watch = try await client.watch(.all, from: .now, options: WatchOptions(previousValues: true))
            // 5 MB of previous values.
            #expect(try await client.deleteRange(.prefix("k/")).deleted == 50)
            let updates = try await watch.updates(events: 50)
            #expect(updates.count == 1 && updates[0].events.allSatisfy { $0.previous?.value == value })
        }
    }

    @Test func everyStart() async throws {
        try await withServing { serving, client in
            for number in 1...10 { try await serving.store.put("k/\(number)", "v") }
            for (start, first) in [
                (WatchStart.earliest, 1), (.revision(4), 4), (.last(3), 8), (.time(milliseconds: 0), 1), (.now, 11),
                (.revision(11), 11),
            ] {
                let watch = try await client.watch(.all, from: start)
                #expect(watch.resumeRevision == Revision(first), "\(start)")
            }
            let watch = try await client.watch(.prefix("k/1"), from: .snapshot)
            var state: [Bytes] = []
            while let element = try await watch.next() {
                if case .state(let keyValues) = element { state += keyValues.map(\.key) }
                if case .synced(let revision) = element {
                    #expect(revision == 10)
                    break
                }
            }
            #expect(state == ["k/1", "k/10"])
            #expect(watch.resumeRevision == 11)
        }
    }
}
