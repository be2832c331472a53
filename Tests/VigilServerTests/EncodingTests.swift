import Foundation
import GRPCServer
import SwiftProtobuf
import TestSupport
import Testing
import Vigil
import WireMessages

@testable import VigilServer

/// What is encoded by hand, against what swift-protobuf makes of the same.
@Suite struct EncodingTests {
    @Test func responsesOfWatchesAreThoseOfTheirMessages() async throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        var random = SeededGenerator(seed)
        try await withTemporaryDirectory { directory in
            let store = try await WatchStore.open(directory + "/store")
            let member = try Member(store: store, options: EtcdServerOptions())
            for _ in 0..<2000 {
                let events = (0..<random.below(5)).map { _ in event(&random) }
                let (id, head, isFragment) = (number(&random, negative: true), number(&random), random.chance(2))
                var encoding = Encoding()
                encoding.watchResponse(id, revision: head, isFragment: isFragment, member)
                for event in events { encoding.event(event) }
                var response = EtcdWatchResponse()
                response.header = member.header(head)
                response.watchID = id
                response.fragment = isFragment
                response.events = events.map(message)
                #expect(try encoding.bytes == response.serializedBytes(), "seed \(seed)")
            }
            try await store.close()
        }
    }

    /// A stream that has sent a large event keeps none of its memory, and goes on to send.
    @Test func aLargeEventLeavesNoMemoryBehind() async throws {
        try await withTemporaryDirectory { directory in
            let store = try await WatchStore.open(directory + "/store")
            let member = try Member(store: store, options: EtcdServerOptions())
            var batch = EventBatch(member: member, sharing: true)
            for (revision, length) in [10, 1_000_000, 10].enumerated() {
                let value = Bytes(String(repeating: "v", count: length))
                let put = WatchEvent(type: .put, key: "k", value: value, revision: Revision(revision + 1))
                var messages = OutgoingMessages()
                // As for two watches of the stream.
                for id in Int64(1)...2 {
                    batch.begin(id, EtcdWatchCreateRequest())
                    let update = WatchUpdate(revision: put.revision, events: [put])
                    #expect(batch.add(.update(update)) == nil)
                    batch.takeResponse(into: &messages)
                }
                #expect(messages.count == 2 && messages.bytes > 2 * length && messages.bytes < 2 * length + 200)
                batch.rest()
                #expect(batch.keptBytes <= 2 * Limits.keptBytes, "\(batch.keptBytes) bytes after a value of \(length)")
            }
            try await store.close()
        }
    }

    private func message(_ event: WatchEvent) -> EtcdEvent {
        var message = EtcdEvent()
        if let keyValue = event.keyValue {
            message.kv = EtcdKeyValue(keyValue)
        } else {
            message.type = .delete
            message.kv.key = Data(event.key)
            message.kv.modRevision = event.revision.onWire
        }
        if let previous = event.previous { message.prevKv = EtcdKeyValue(previous) }
        return message
    }

    private func event(_ random: inout SeededGenerator) -> WatchEvent {
        let isPut = !random.chance(3)
        let previous =
            random.chance(2)
            ? nil
            : KeyValue(
                key: bytes(&random), value: bytes(&random), createRevision: number(&random),
                modRevision: number(&random), version: number(&random), lease: number(&random, negative: true))
        return WatchEvent(
            type: isPut ? .put : .delete, key: bytes(&random), value: isPut ? bytes(&random) : Bytes(),
            revision: number(&random), createRevision: number(&random), version: number(&random),
            lease: number(&random, negative: true), previous: previous)
    }

    /// Of any length that a varint may have.
    private func number(_ random: inout SeededGenerator, negative: Bool = false) -> Int64 {
        if random.chance(6) { return 0 }
        let bits = random.below(62)
        let magnitude = Int64(random.next() >> 2 & (1 << bits | ((1 << bits) - 1)))
        return negative && random.chance(8) ? -magnitude : magnitude
    }

    private func bytes(_ random: inout SeededGenerator) -> Bytes {
        Bytes(
            (0..<random.below(random.chance(20) ? 20_000 : 200)).map { _ in UInt8(truncatingIfNeeded: random.next()) })
    }
}
