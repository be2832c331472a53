import RevisionLog
import Testing

@testable import Vigil

/// Every queue, buffer, batch, read transaction and retry has a named limit.
@Suite struct P9Bounded {
    @Test func whatWaitsForACheckpointIsBounded() async throws {
        var options = tightOptions()
        options.log.checkpointBytes = 64 << 10
        options.log.pendingBytes = 64 << 10
        options.log.checkpointInterval = .seconds(3600)
        try await withStore(options) { store in
            let value = Bytes([UInt8](repeating: 7, count: 1000))
            for index in 0..<400 {
                try await store.put(Bytes("k/\(index)"), value)
                let statistics = try store.statistics()
                #expect(statistics.pendingBytes <= 64 << 10)
                #expect(statistics.journalSegments <= options.log.segments)
            }
        }
    }

    @Test func aStepOfAReplayIsBounded() async throws {
        try await withStore(tightOptions(queue: 1000, buffer: 10)) { store in
            _ = try await store.transactions((0..<6000).map { Transaction(then: [.put("k", Bytes("\($0)"))]) })
            let step = try store.reader.scan(nil, from: 1, through: store.head)
            #expect(step.updates.count < 6000)
            #expect(step.next == Revision(step.updates.count) + 1)
        }
    }

    @Test func requestsHaveLimits() async throws {
        try await withStore { store in
            let many = Transaction(then: (0..<5000).map { .put(Bytes("\($0)"), "") })
            await #expect { try await store.transaction(many) } throws: { ($0 as? StoreError)?.code == .tooLarge }
            let large = Bytes([UInt8](repeating: 0, count: 33 << 10))
            await #expect { try await store.put("k", large) } throws: { ($0 as? StoreError)?.code == .tooLarge }
            #expect(store.head == 0)
        }
    }
}
