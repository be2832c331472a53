import ChildProcess
import Foundation
import GRPCClient
import SwiftProtobuf
import TestSupport
import Testing
import WireMessages

/// Many clients that watch, one of which stops reading its large values: the server, a process of its own, neither grows
/// nor holds up the others, and misses nothing for the one that stopped.
///
///     VIGIL_CLIENTS=1000 Tools/test --filter ServeStalledTests
@Suite(.timeLimit(.minutes(10))) struct ServeStalledTests {
    private static let environment = ProcessInfo.processInfo.environment
    private static let clients = environment["VIGIL_CLIENTS"].flatMap { Int($0) } ?? 20
    private static let writes = environment["VIGIL_WRITES"].flatMap { Int($0) } ?? 500
    /// Streams of readers on one connection, so that a thousand clients need no more files than a process has.
    private static let streamsOfConnection = 10
    /// Those that read large values beside the stalled one; the others read small ones that are written between them. A
    /// thousand that read what fills a bound would take hours.
    private static let largeReaders = 6
    private static let valueBytes = 64 << 10
    /// By which the server may grow while a client is stalled, whatever is written meanwhile and however many others there
    /// are: less than is written, 31 MB. What there is of it are the windows and responses of those that read; what waits for a
    /// checkpoint, which is all that was written in five seconds, is in memory too, and comes on top of it.
    private static let bound = 8 << 20

    @Test(.enabled(if: ChildProcess.canMeasure)) func oneOfManyStopsReading() async throws {
        try await withCommand { vigil in
            let server = try await Served(vigil)
            let stalled = try await Watching(on: Served.connect(server.port), isLarge: true)
            var readers: [Watching] = []
            var connection = try await Served.connect(server.port)
            for number in 1..<Self.clients {
                if number % Self.streamsOfConnection == 0 { connection = try await Served.connect(server.port) }
                readers.append(try await Watching(on: connection, isLarge: number <= Self.largeReaders))
            }
            // First with everybody reading, so that what the server needs at all is there.
            let warm = Self.writes / 6
            try await all(readers + [stalled], read: 0..<warm) { try await put(0..<warm, server) }
            let before = try server.process.privateBytes()

            var (most, pending) = (0, 0)
            let second = warm..<Self.writes + warm
            try await all(readers, read: second) {
                for start in stride(from: second.lowerBound, to: second.upperBound, by: 20) {
                    try await put(start..<min(start + 20, second.upperBound), server)
                    most = max(most, try server.process.privateBytes())
                    pending = max(pending, try await waiting(vigil, server))
                }
            }
            most = max(most, try server.process.privateBytes())
            let grown = most - before
            #expect(grown < Self.bound + pending, "grew from \(before) by \(grown), of which \(pending) waited")
            try await stalled.expect(second)
            // And it is as any other again.
            let last = second.upperBound..<second.upperBound + 5
            try await all(readers + [stalled], read: last) { try await put(last, server) }
            let kibibytes = "\(grown >> 10) KiB, of which \(pending >> 10) KiB waited"
            print("\(Self.clients) clients, \(second.count) writes: grew by \(kibibytes)")
            server.process.kill()
        }
    }

    /// Bytes that wait for a checkpoint.
    private func waiting(_ vigil: Command, _ server: Served) async throws -> Int {
        let found = try await vigil("stat", "--json", "--endpoint", "127.0.0.1:\(server.port)").json.first
        return try #require(found?["pending_bytes"] as? Int)
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

    /// A large value and a small one of each number, with which both begin.
    private func put(_ numbers: Range<Int>, _ server: Served) async throws {
        for number in numbers {
            for (key, bytes) in [("large", Self.valueBytes), ("small", 16)] {
                let text = "\(number) "
                let request = EtcdPutRequest.with { request in
                    request.key = Data(key.utf8)
                    request.value = Data((text + String(repeating: "v", count: bytes - text.utf8.count)).utf8)
                }
                let answer = try await server.client.unary("/etcdserverpb.KV/Put", request.serializedBytes())
                try #require(answer.status == 0)
            }
        }
    }

    /// A client with one watch.
    private struct Watching: Sendable {
        let call: ClientCall
        let isLarge: Bool

        init(on client: Client, isLarge: Bool) async throws {
            self.isLarge = isLarge
            call = try await client.call("/etcdserverpb.Watch/Watch")
            let request = EtcdWatchRequest.with { $0.createRequest.key = Data((isLarge ? "large" : "small").utf8) }
            try await call.send(request.serializedBytes())
            let message = try #require(try await call.next())
            let answer = try EtcdWatchResponse(serializedBytes: message)
            #expect(answer.created)
        }

        /// Reads the events of these numbers: each once, in order. The first write, at revision 2, is of a large value.
        func expect(_ numbers: Range<Int>) async throws {
            var next = numbers.lowerBound
            while next < numbers.upperBound {
                let message = try #require(try await call.next())
                for event in try EtcdWatchResponse(serializedBytes: message).events {
                    let text = String(decoding: event.kv.value.prefix { $0 != 0x20 }, as: UTF8.self)
                    try #require(text == "\(next)" && event.kv.modRevision == Int64(2 * next + (isLarge ? 2 : 3)))
                    try #require(event.kv.value.count == (isLarge ? ServeStalledTests.valueBytes : 16))
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
