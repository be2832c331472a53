import Foundation
import GRPCClient
import NIOCore
import SwiftProtobuf
import TestSupport
import Testing
import Threads
import WireMessages

/// Watches over the wire, of a server that is killed and started again, under writers, with a compaction every 100 ms and
/// with clients that stop reading for a while. More with `VIGIL_KILLS=100`.
@Suite(.timeLimit(.minutes(5))) struct ServeKillTests {
    private static let kills = ProcessInfo.processInfo.environment["VIGIL_KILLS"].flatMap { Int($0) } ?? 6
    private static let watchers = 8
    private static let writers = 4
    /// Revisions between two kills, at least.
    private static let rhythm: Int64 = 150

    @Test func noWatcherMissesOrInventsAnything() async throws {
        try await withCommand { vigil in
            let server = try await ServedStore(vigil)
            let port = try #require(server.endpoint.split(separator: ":").last.flatMap { Int($0) })
            let written = Written()
            let runs = try await withThrowingTaskGroup(of: WatchedRun?.self) { group in
                for number in 0..<Self.watchers {
                    group.addTask {
                        var run = WatchedRun(port: port, random: SeededGenerator(UInt64(number)))
                        try await run.watch(written)
                        return run
                    }
                }
                group.addTask {
                    try await Self.compact(port, written)
                    return nil
                }
                async let writing: Void = withThrowingDiscardingTaskGroup { writers in
                    for number in 0..<Self.writers {
                        writers.addTask { try await Self.write(number, port, written) }
                    }
                }
                for kill in 1...Self.kills {
                    try await written.reached(Int64(kill) * Self.rhythm)
                    await server.kill()
                    try await server.start()
                }
                try await written.reached(Int64(Self.kills + 1) * Self.rhythm)
                written.end()
                try await writing
                written.finish()
                // For who waits for something to come.
                _ = try await Served.connect(port).put("w/end", "0")
                var runs: [WatchedRun] = []
                for try await case let run? in group { runs.append(run) }
                return runs
            }
            await server.end()
            #expect(runs.count == Self.watchers)
            for run in runs { run.validate(written.acknowledged) }
            // Those that agree with each other have seen what happened.
            for revision in written.acknowledged.keys {
                let seen = Set(runs.compactMap { $0.seen[revision] })
                #expect(seen.count <= 1, "revision \(revision): \(seen)")
            }
            print(
                "\(Self.kills) kills, \(written.acknowledged.count) puts acknowledged, "
                    + "\(runs.map(\.seen.count).reduce(0, +)) events at \(runs.count) watchers, "
                    + "\(runs.map(\.resumes).reduce(0, +)) resumed, \(runs.map(\.gaps.count).reduce(0, +)) told of compactions"
            )
        }
    }

    /// Puts one value after the other under a key of its own. One that was not acknowledged may have been made all the same.
    private static func write(_ number: Int, _ port: Int, _ written: Written) async throws {
        var value = 0
        while !written.isOver {
            try Task.checkCancellation()
            guard let client = try? await Served.connect(port) else { continue }
            while !written.isOver {
                var request = EtcdPutRequest()
                request.key = Data("w/\(number)".utf8)
                value += 1
                request.value = Data("\(value) \(String(repeating: "v", count: value % 3000))".utf8)
                let message = try request.serializedBytes() as [UInt8]
                guard let answer = try? await client.unary("/etcdserverpb.KV/Put", message), answer.status == 0,
                    let message = answer.messages.first
                else { break }
                let revision = try EtcdPutResponse(serializedBytes: message).header.revision
                written.acknowledge(revision, "w/\(number) \(value)")
            }
            try? await client.close()
        }
    }

    private static func compact(_ port: Int, _ written: Written) async throws {
        while !written.isOver {
            // The rhythm of the compactions, and not a wait for anything.
            try await Task.sleep(for: .milliseconds(100))
            guard let client = try? await Served.connect(port) else { continue }
            var request = EtcdCompactionRequest()
            request.revision = written.head - 60
            if request.revision > 1 {
                let message = try request.serializedBytes() as [UInt8]
                _ = try? await client.unary("/etcdserverpb.KV/Compact", message)
            }
            try? await client.close()
        }
    }
}

/// What writers know.
private final class Written: Sendable {
    private struct State {
        var acknowledged: [Int64: String] = [:]
        var head: Int64 = 1
        /// Nothing more shall be written.
        var isOver = false
        /// Nothing more is.
        var isFinished = false
        var waiting: [(revision: Int64, continuation: CheckedContinuation<Void, Never>)] = []

        /// Those that need not wait any more.
        mutating func takeReady() -> [CheckedContinuation<Void, Never>] {
            let ready = waiting.filter { $0.revision <= head || isOver }
            waiting.removeAll { $0.revision <= head || isOver }
            return ready.map(\.continuation)
        }
    }

    private let state = Lock(State())

    var acknowledged: [Int64: String] { state.withLock { $0.acknowledged } }
    var head: Int64 { state.withLock { $0.head } }
    var isOver: Bool { state.withLock { $0.isOver } }
    var isFinished: Bool { state.withLock { $0.isFinished } }

    func acknowledge(_ revision: Int64, _ what: String) {
        change { state in
            state.acknowledged[revision] = what
            state.head = max(state.head, revision)
        }
    }

    func end() { change { $0.isOver = true } }

    func finish() { change { $0.isFinished = true } }

    /// Waits until that was acknowledged, or it is over.
    func reached(_ revision: Int64) async throws {
        await withCheckedContinuation { continuation in
            change { $0.waiting.append((revision, continuation)) }
        }
        try Task.checkCancellation()
    }

    private func change(_ body: (inout State) -> Void) {
        let ready = state.withLock { state in
            body(&state)
            return state.takeReady()
        }
        for continuation in ready { continuation.resume() }
    }
}

/// A client that watches everything, comes back when the server was gone, and now and then does not read for a while.
private struct WatchedRun {
    let port: Int
    var random: SeededGenerator
    /// What each revision put: the key and the number of the value.
    private(set) var seen: [Int64: String] = [:]
    /// Revisions that were compacted before they could be read, as the server said.
    private(set) var gaps: [Range<Int64>] = []
    private(set) var resumes = 0
    private var next: Int64 = 2
    private var disorder: [String] = []

    init(port: Int, random: SeededGenerator) {
        self.port = port
        self.random = random
    }

    /// Watches until it has everything that the writers know of.
    mutating func watch(_ written: Written) async throws {
        while !isComplete(written) {
            try Task.checkCancellation()
            guard let client = try? await Served.connect(port) else { continue }
            resumes += 1
            try await follow(client, written)
            try? await client.close()
        }
    }

    private func isComplete(_ written: Written) -> Bool { written.isFinished && next > written.head }

    /// Reads until the server is gone or history is.
    private mutating func follow(_ client: Client, _ written: Written) async throws {
        guard let call = try? await client.call("/etcdserverpb.Watch/Watch") else { return }
        var request = EtcdWatchRequest()
        request.createRequest.key = Data("w/".utf8)
        request.createRequest.rangeEnd = Data("w0".utf8)
        request.createRequest.startRevision = next
        try await call.send(request.serializedBytes())
        while !isComplete(written), let message = try await call.next() {
            let response = try EtcdWatchResponse(serializedBytes: message)
            if response.canceled {
                if response.compactRevision <= next {
                    disorder.append("compacted \(response.compactRevision) at \(next)")
                }
                gaps.append(next..<response.compactRevision)
                next = response.compactRevision
                break
            }
            for event in response.events { take(event) }
            if random.chance(20) { try await written.reached(next + Int64(random.below(150))) }
        }
        try? await call.cancel()
    }

    private mutating func take(_ event: EtcdEvent) {
        let revision = event.kv.modRevision
        if revision != next { disorder.append("\(revision) where \(next) was due") }
        next = revision + 1
        let value = String(decoding: event.kv.value.prefix { $0 != UInt8(ascii: " ") }, as: UTF8.self)
        seen[revision] = "\(String(decoding: event.kv.key, as: UTF8.self)) \(value)"
    }

    func validate(_ acknowledged: [Int64: String]) {
        #expect(disorder.isEmpty)
        for (revision, what) in acknowledged where !gaps.contains(where: { $0.contains(revision) }) {
            #expect(seen[revision] == what, "revision \(revision)")
        }
    }
}
