import Foundation
import GRPCClient
import NIOCore
import NIOPosix
import Testing
import Vigil

@testable import VigilServer

/// A client of the monitoring port that sends what it is told, be it HTTP or not, and reads to the end.
struct MonitoringClient: Sendable {
    let port: Int

    struct Answer {
        var status: Int
        var head: String
        var body: String
    }

    func get(_ path: String, method: String = "GET") async throws -> Answer {
        try await send("\(method) \(path) HTTP/1.1\r\nhost: localhost\r\n\r\n")
    }

    func send(_ request: String) async throws -> Answer {
        let text = try await exchange(request)
        let head = text.range(of: "\r\n\r\n").map { String(text[..<$0.lowerBound]) } ?? text
        let words = head.split(separator: " ", maxSplits: 2)
        return Answer(
            status: words.count > 1 ? Int(words[1]) ?? 0 : 0, head: head,
            body: text.range(of: "\r\n\r\n").map { String(text[$0.upperBound...]) } ?? "")
    }

    /// Everything that comes until the connection is closed.
    func exchange(_ request: String) async throws -> String {
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(host: "127.0.0.1", port: port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                }
            }
        return try await channel.executeThenClose { input, output in
            try await output.write(ByteBuffer(string: request))
            var answer = ByteBuffer()
            for try await bytes in input { answer.writeImmutableBuffer(bytes) }
            return String(buffer: answer)
        }
    }
}

/// Serves a new store, with its metrics.
func withMonitoring(
    _ body: (EtcdClient, MonitoringClient, WatchStore) async throws -> Void
) async throws {
    var options = EtcdServerOptions()
    options.monitoring = MonitoringAddress(port: 0)
    try await withServing(options: options) { server, store in
        let client = try await Client.connect(to: .init(ipAddress: "127.0.0.1", port: server.port))
        try await body(EtcdClient(client), MonitoringClient(port: try #require(server.monitoringPort)), store)
    }
}
