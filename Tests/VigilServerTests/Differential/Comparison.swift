import GRPCClient
import SwiftProtobuf
import Threads
import Vigil
import WireMessages

@testable import VigilServer

/// Two servers that are asked the same, and what they are expected to send on their streams of watches.
struct Comparison: DifferentialScript {
    static let streams = 3

    private let servers: ServerPair
    private let ticks: AsyncStream<Void>
    private let tick: AsyncStream<Void>.Continuation
    /// Everything that happened, as etcd tells it.
    private let history: StreamLog
    private var events: [EtcdEvent] = []
    private var streams: [StreamPair] = []
    private(set) var view: StepGenerator.View

    init(_ servers: ServerPair) async throws {
        self.servers = servers
        (ticks, tick) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
        view = StepGenerator.View(watches: Array(repeating: [], count: Self.streams))
        history = StreamLog(try await servers.theirs.watch(), ticks: tick)
        try await history.stream.create("\0", "\0", from: 1)
        for _ in 0..<Self.streams { streams.append(try await open()) }
    }

    private func open() async throws -> StreamPair {
        StreamPair(
            ours: StreamLog(try await servers.ours.watch(), ticks: tick),
            theirs: StreamLog(try await servers.theirs.watch(), ticks: tick))
    }

    func close() async throws {
        for stream in streams { try await stream.close() }
        try await history.close()
    }

    func step(_ number: Int, seed: UInt64) -> Step { StepGenerator.step(number, seed: seed, view) }

    mutating func run(_ step: Step) async throws {
        switch step {
        case .range(let request):
            try await servers.compare("KV/Range", request, as: EtcdRangeResponse.self) {
                $0.forgetOrderOfEquals(request)
                $1.forgetOrderOfEquals(request)
            }
        case .put(let request):
            let answer = try await servers.compare("KV/Put", request, as: EtcdPutResponse.self)
            if case .response(let response) = answer { view.head = response.header.revision }
        case .delete(let request):
            let answer = try await servers.compare("KV/DeleteRange", request, as: EtcdDeleteRangeResponse.self)
            if case .response(let response) = answer { view.head = response.header.revision }
        case .transaction(let request):
            if KnownDifferences.covers(request, view) { return }
            let answer = try await servers.compare("KV/Txn", request, as: EtcdTxnResponse.self) {
                $0.forgetOrderOfEquals(request)
                $1.forgetOrderOfEquals(request)
            }
            if case .response(let response) = answer { view.head = response.header.revision }
        case .compact(let request):
            if KnownDifferences.covers(request, view) { return }
            try await settle(all: true)
            if case .response = try await servers.compare("KV/Compact", request, as: EtcdCompactionResponse.self) {
                view.compacted = request.revision
            }
        case .watch(let stream, let request): try await watch(stream, request)
        case .reopen(let number):
            try await settle()
            try await streams[number].close()
            streams[number] = try await open()
            view.watches[number] = []
        }
    }

    // MARK: Watches

    private mutating func watch(_ number: Int, _ request: EtcdWatchRequest) async throws {
        if case .createRequest = request.requestUnion {} else { try await settle() }
        if KnownDifferences.covers(request, streams[number], view) { return }
        let message: [UInt8] = try request.serializedBytes()
        try await streams[number].ours.stream.call.send(message)
        try await streams[number].theirs.stream.call.send(message)
        streams[number].expectAnswer(to: request)
        // So that both begin before anything else happens.
        try await settleAnswers(number)
        if case .createRequest(let creation) = request.requestUnion {
            streams[number].begin(creation, view)
            view.watches[number] = streams[number].numbers
        }
        if case .cancelRequest(let cancellation) = request.requestUnion {
            streams[number].end(cancellation.watchID)
            view.watches[number] = streams[number].numbers
        }
    }

    private mutating func settleAnswers(_ number: Int) async throws {
        let stream = streams[number]
        let came = try await wait { stream.hasAnswers }
        try streams[number].compareAnswers(complete: came)
    }

    mutating func settle() async throws { try await settle(all: false) }

    /// Returns when everything that happened was sent to whoever watches it, by both servers, in the same way.
    ///
    /// - Parameter all: Also what etcd says nothing of: that watches of the past have come to the present.
    mutating func settle(all: Bool) async throws {
        let head = view.head
        let known = events.last?.kv.modRevision ?? 1
        let isKnown = try await wait { [history] in
            known >= head || history.read { $0.watches[0]?.last?.event?.kv.modRevision ?? 0 } >= head
        }
        guard isKnown else { throw Difference(what: "etcd's own history", ours: "-", theirs: "ends before \(head)") }
        events += (history.take().watches[0] ?? []).compactMap(\.event)
        for number in streams.indices {
            streams[number].expect(events)
            let stream = streams[number]
            let came = try await wait { stream.hasEvents }
            try streams[number].compareEvents(complete: came)
        }
        if all, streams.contains(where: \.mayReadHistory) {
            // etcd looks after them every 100 ms, and if there is nothing to be sent, nothing says that it did.
            try await Task.sleep(for: .milliseconds(250))
            for number in streams.indices { streams[number].hasReadHistory() }
        }
    }

    /// Whether it came to hold soon.
    private func wait(for condition: () -> Bool) async throws -> Bool {
        if condition() { return true }
        let deadline = ContinuousClock.now + .seconds(10)
        let alarm = Task { [tick] in
            try await Task.sleep(until: deadline)
            tick.yield()
        }
        defer { alarm.cancel() }
        var iterator = ticks.makeAsyncIterator()
        while !condition() {
            if ContinuousClock.now >= deadline { return false }
            _ = await iterator.next()
        }
        return true
    }
}
