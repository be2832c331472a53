import GRPCClient
import NIOCore
import RevisionLog
import TestSupport
import Testing
import Threads
import WireMessages

@testable import Vigil
@testable import VigilServer

/// Writes whose commit is made by the event loop of their connection, and whose answer is ready before it is durable.
@Suite(.timeLimit(.minutes(1))) struct LedWriteTests {
    private static func connect(_ server: EtcdServer) async throws -> EtcdClient {
        EtcdClient(try await Client.connect(to: .init(ipAddress: "127.0.0.1", port: server.port)))
    }

    /// Puts until the next put would be led.
    private func putUntilLed(_ etcd: EtcdClient, _ store: WatchStore) async throws {
        let (_, committer) = try store.requireCommitter()
        while !committer.mayBeLed {
            try Task.checkCancellation()
            try await etcd.put("a", "1")
            await Task.yield()
        }
    }

    /// A put, a transaction and a delete by turns: each is answered with its own revision, and is there then.
    @Test func eachIsAnsweredWithWhatItDid() async throws {
        try await withTemporaryDirectory { directory in
            try await withServing(directory + "/store") { server, store in
                let etcd = try await Self.connect(server)
                try await putUntilLed(etcd, store)
                for round in 0..<100 {
                    let revision = store.head.headOnWire
                    let put = try await etcd.put("b", "\(round)") { $0.prevKv = round % 2 == 1 }
                    #expect(put.header.revision == revision + 1 && store.head.headOnWire == revision + 1)
                    #expect(put.prevKv.text == (round % 2 == 1 ? "b=\(round - 1)" : "="))
                    #expect(try store.get("b")?.value == Bytes("\(round)"))
                    if round % 2 == 1 {
                        let delete = try await etcd.delete("b", previous: true)
                        #expect(delete.header.revision == revision + 2 && delete.prevKvs.map(\.text) == ["b=\(round)"])
                        #expect(try store.get("b") == nil)
                    }
                }
            }
        }
    }

    /// Nobody knows what became of it: it is neither answered nor visible, and the next is told what is wrong.
    @Test func whatMayNotBeDurableIsNotAnswered() async throws {
        try await withTemporaryDirectory { directory in
            let fails = Lock(false)
            let faults = JournalFaults(beforeFlush: { () throws(StoreError) in
                if fails.withLock({ $0 }) { throw StoreError(.io, "the disk is on fire") }
            })
            try await withServing(directory + "/store", faults: faults) { server, store in
                let etcd = try await Self.connect(server)
                try await putUntilLed(etcd, store)
                let head = store.head
                fails.withLock { $0 = true }
                await #expect(throws: (any Error).self) { try await etcd.put("a", "2") }
                fails.withLock { $0 = false }

                let other = try await Self.connect(server)
                do {
                    try await other.put("a", "3")
                    Issue.record("a put succeeded after a flush that failed")
                } catch let refusal as EtcdClient.Refusal {
                    #expect(refusal.message.contains("opened again"))
                }
                let now = try await other.range("a")
                #expect(now.kvs.map(\.text) == ["a=1"] && now.header.revision == head.headOnWire)
            }
        }
    }
}
