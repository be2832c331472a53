import ChildProcess
import Foundation
import GRPCClient
import SwiftProtobuf
import TestSupport
import Testing
import WireMessages

/// Many clients that watch large values, one of which stops reading: the server, a process of its own, neither grows nor
/// holds up the others, and misses nothing for the one that stopped.
///
///     VIGIL_CLIENTS=1000 VIGIL_WRITES=300 Tools/test -c release --filter ServeStalledTests
@Suite(.timeLimit(.minutes(10))) struct ServeStalledTests {
    private static let environment = ProcessInfo.processInfo.environment
    private static let clients = environment["VIGIL_CLIENTS"].flatMap { Int($0) } ?? 8
    private static let writes = environment["VIGIL_WRITES"].flatMap { Int($0) } ?? 500
    /// Streams of readers on one connection, so that a thousand clients need no more files than a process has.
    private static let streamsOfConnection = 10
    private static let valueBytes = 64 << 10
    /// By which the server may grow while a client is stalled, whatever is written meanwhile: some 30 MB of which nothing
    /// is kept for it. Beside it, what the windows of those that read may hold.
    private static let bound = 16 << 20
    private static let boundOfReader = 256 << 10

    @Test(.enabled(if: ChildProcess.canMeasure)) func oneOfManyStopsReading() async throws {
        try await withCommand { vigil in
            let server = try await Served(vigil)
            let stalled = try await Watching(on: Served.connect(server.port))
            var readers: [Watching] = []
            var connection = try await Served.connect(server.port)
            for number in 1..<Self.clients {
                if number % Self.streamsOfConnection == 0 { connection = try await Served.connect(server.port) }
                readers.append(try await Watching(on: connection))
            }
            // First with everybody reading, so that what the server needs at all is there.
            let warm = Self.writes / 6
            try await all(readers + [stalled], read: 0..<warm) { try await put(0..<warm, server) }
            let before = try server.process.privateBytes()

            var most = 0
            let second = warm..<Self.writes + warm
            try await all(readers, read: second) {
                for start in stride(from: second.lowerBound, to: second.upperBound, by: 20) {
                    try await put(start..<min(start + 20, second.upperBound), server)
                    most = max(most, try server.process.privateBytes())
                }
            }
            most = max(most, try server.process.privateBytes())
            let bound = Self.bound + Self.clients * Self.boundOfReader
            #expect(most - before < bound, "grew from \(before) by \(most - before), not less than \(bound)")
            try await stalled.expect(second)
            // And it is as any other again.
            let last = second.upperBound..<second.upperBound + 5
            try await all(readers + [stalled], read: last) { try await put(last, server) }
            print("\(Self.clients) clients, \(second.count) writes: grew by \((most - before) >> 10) KiB")
            server.process.kill()
        }
    }

    /// Does `body` while all of them read the same, each to its end.
    private func all(
        _ watching: [Watching], read numbers: Range<Int>, _ body: () async throws -> Void
    ) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for one in watching { group.addTask { try await one.expect(numbers) } }
            try await body()
            try await group.waitForAll()
        }
    }

    /// Values that begin with their number.
    private func put(_ numbers: Range<Int>, _ server: Served) async throws {
        for number in numbers {
            let text = "\(number) "
            let request = EtcdPutRequest.with { request in
                request.key = Data("k".utf8)
                request.value = Data((text + String(repeating: "v", count: Self.valueBytes - text.utf8.count)).utf8)
            }
            let answer = try await server.client.unary("/etcdserverpb.KV/Put", request.serializedBytes())
            try #require(answer.status == 0)
        }
    }

    /// A client with one watch.
    private struct Watching: Sendable {
        let call: ClientCall

        init(on client: Client) async throws {
            call = try await client.call("/etcdserverpb.Watch/Watch")
            let request = EtcdWatchRequest.with { $0.createRequest.key = Data("k".utf8) }
            try await call.send(request.serializedBytes())
            let message = try #require(try await call.next())
            let answer = try EtcdWatchResponse(serializedBytes: message)
            #expect(answer.created)
        }

        /// Reads the events of these numbers: each once, in order. The first write is at revision 2.
        func expect(_ numbers: Range<Int>) async throws {
            var next = numbers.lowerBound
            while next < numbers.upperBound {
                let message = try #require(try await call.next())
                for event in try EtcdWatchResponse(serializedBytes: message).events {
                    let text = String(decoding: event.kv.value.prefix { $0 != 0x20 }, as: UTF8.self)
                    try #require(text == "\(next)" && event.kv.modRevision == Int64(next) + 2)
                    try #require(event.kv.value.count == ServeStalledTests.valueBytes)
                    next += 1
                }
            }
            #expect(next == numbers.upperBound)
        }
    }
}

extension ChildProcess {
    fileprivate static let canMeasure = FileManager.default.fileExists(atPath: "/proc/self/status")

    /// Its resident memory, without pages of files, which the system takes back when it likes: those of the store's are
    /// mapped.
    fileprivate func privateBytes() throws -> Int {
        let status = try String(contentsOfFile: "/proc/\(processIdentifier)/status", encoding: .utf8)
        let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("RssAnon:") })
        return try #require(Int(line.split(whereSeparator: \.isWhitespace)[1])) << 10
    }
}
