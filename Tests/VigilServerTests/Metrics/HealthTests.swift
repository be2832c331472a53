import GRPCClient
import NIOCore
import NIOHPACK
import Testing
import Vigil
import WireMessages

@testable import VigilServer

/// `/health`, `/livez`, `/readyz`, and what is asked wrongly.
@Suite(.timeLimit(.minutes(1))) struct HealthTests {
    @Test func anAlarmIsIllness() async throws {
        try await withMonitoring { etcd, monitoring, _ in
            let well = try await monitoring.get("/health")
            #expect(well.status == 200 && well.body == #"{"health":"true","reason":""}"# + "\n")
            _ = try await etcd.alarm(.activate, .nospace)
            let ill = try await monitoring.get("/health")
            #expect(ill.status == 503 && ill.body == #"{"health":"false","reason":"ALARM NOSPACE"}"# + "\n")
            #expect(try await monitoring.get("/health?exclude=NOSPACE").status == 200)
            #expect(try await monitoring.get("/health?exclude=CORRUPT").status == 503)
            // What it answers is right nevertheless.
            #expect(try await monitoring.get("/readyz").status == 200)
            _ = try await etcd.alarm(.activate, .corrupt)
            #expect(try await monitoring.get("/readyz").status == 503)
            #expect(try await monitoring.get("/livez").body == "ok\n")
        }
    }

    @Test func aClosedStoreIsNotReady() async throws {
        try await withMonitoring { _, monitoring, store in
            try await store.close()
            let answer = try await monitoring.get("/readyz")
            #expect(answer.status == 503 && answer.body == "not ready: the store cannot be read: closed\n")
            #expect(try await monitoring.get("/health").status == 503)
            #expect(try await monitoring.get("/livez").status == 200)
        }
    }

    @Test func nothingElseIsAnswered() async throws {
        try await withMonitoring { _, monitoring, _ in
            #expect(try await monitoring.get("/").status == 404)
            #expect(try await monitoring.get("/metrics", method: "POST").status == 405)
            let head = try await monitoring.get("/metrics", method: "HEAD")
            #expect(head.status == 200 && head.body.isEmpty && head.head.contains("content-length: "))
            #expect(try await monitoring.send("nonsense\r\n\r\n").status == 400)
            // One request on a connection.
            let two = "GET /livez HTTP/1.1\r\nhost: a\r\n\r\n"
            #expect(try await monitoring.send(two + two).body == "ok\n")
        }
    }

    @Test func theClientsPortServesTheSameByHTTP2() async throws {
        try await withServing { server, _ in
            let client = try await Client.connect(to: .init(ipAddress: "127.0.0.1", port: server.port))
            for (path, status) in [("/health", "200"), ("/metrics", "200"), ("/nothing", "404")] {
                let answer = try await client.unary(path, [], headers: [":method": "HEAD"])
                #expect(answer.trailers.first(name: ":status") == status, "\(path)")
            }
        }
    }

    @Test func theClientsPortServesTheSame() async throws {
        try await withServing { server, _ in
            let client = MonitoringClient(port: server.port)
            #expect(try await client.get("/health").body == #"{"health":"true","reason":""}"# + "\n")
            #expect(try await client.get("/version").body == #"{"etcdserver":"3.5.13","etcdcluster":"3.5.0"}"#)
            let page = try MetricsPage(try await client.get("/metrics").body)
            // Who asks for pages is no client.
            #expect(try page.value("vigil_connections") == 0)
            #expect(try await client.get("/nothing").status == 404)
            #expect(try await client.send("nonsense\r\n\r\n").status == 400)
        }
    }

    @Test func unlessItServesOnlyGRPC() async throws {
        var options = EtcdServerOptions()
        options.servesOnlyGRPC = true
        try await withServing(options: options) { server, _ in
            let answer = try await MonitoringClient(port: server.port).exchange("GET /health HTTP/1.1\r\n\r\n")
            #expect(answer == "")
        }
    }

    /// Who says nothing, or only half of it, is not waited for.
    @Test func aSlowClientIsClosed() async throws {
        try await withMonitoring { _, monitoring, _ in
            let began = NIODeadline.now()
            let answer = try await monitoring.exchange("GET /livez HTTP/1.1\r\nhost: ")
            #expect(answer.isEmpty)
            #expect(NIODeadline.now() - began < Limits.monitoringTime + .seconds(5))
        }
    }
}
