import GRPCClient
import GRPCServer
import Testing
import WireMessages

@testable import VigilServer

/// What is beyond a limit is refused in etcd's words, where it has them.
@Suite(.timeLimit(.minutes(1))) struct ServerLimitTests {
    @Test func watchesOverTheLimitsAreRefusedUntilOthersHaveEnded() async throws {
        var options = EtcdServerOptions()
        options.maximumStreamWatches = 2
        options.maximumWatches = 3
        try await withEtcd(options: options) { etcd, _ in
            let (first, second) = (try await etcd.watch(), try await etcd.watch())
            try await first.create("a")
            try await first.create("b")
            try await first.create("c")
            #expect(try await [first.next().watchID, first.next().watchID] == [0, 1])
            let beyondStream = try await first.next()
            #expect(beyondStream.created && beyondStream.canceled && beyondStream.watchID == -1)
            #expect(beyondStream.cancelReason.contains("2 watches, the limit"))
            try await second.create("a")
            try await second.create("b")
            #expect(try await second.next().watchID == 0)
            #expect(try await second.next().cancelReason.contains("3 watches, the limit"))
            // One ends by itself, the others with their stream.
            try await second.cancel(0)
            #expect(try await second.next().canceled)
            try await second.create("b")
            #expect(try await second.next().canceled == false)
            try await first.call.cancel()
            let third = try await etcd.watch()
            var isRefused = true
            while isRefused {
                try await third.create("a")
                isRefused = try await third.next().canceled
            }
        }
    }

    @Test func operationsOfATransaction() async throws {
        var options = EtcdServerOptions()
        options.maximumTransactionOperations = 3
        try await withEtcd(options: options) { etcd, _ in
            func transaction(_ count: Int) async throws {
                _ = try await etcd.transaction { request in
                    for number in 0..<count {
                        var put = EtcdRequestOp()
                        put.requestPut.key = .init("\(number)".utf8)
                        request.success.append(put)
                    }
                }
            }
            try await transaction(3)
            await #expect(
                throws: EtcdClient.Refusal(code: 3, message: "etcdserver: too many operations in txn request")
            ) { try await transaction(4) }
        }
    }

    @Test func callsAndRequests() async throws {
        var options = EtcdServerOptions()
        options.connections.maximumCalls = 1
        try await withEtcd(options: options) { etcd, _ in
            let watch = try await etcd.watch()
            try await watch.create("a")
            #expect(try await watch.next().created)
            await #expect(throws: EtcdClient.Refusal(code: 8, message: "etcdserver: too many requests")) {
                try await etcd.put("a", "1")
            }
        }
        try await withEtcd { etcd, _ in
            let large = String(repeating: "x", count: 1_600_000)
            await #expect(throws: EtcdClient.Refusal(code: 3, message: "etcdserver: request is too large")) {
                try await etcd.put("a", large)
            }
            try await etcd.put("a", "1")
        }
    }
}
