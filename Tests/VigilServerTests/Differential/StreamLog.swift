import GRPCClient
import SwiftProtobuf
import Threads
import WireMessages

/// What one server sends on one stream of watches, taken apart so that it does not depend on how events are gathered
/// into responses, which is free.
final class StreamLog: Sendable {
    enum Entry: Equatable {
        case event(EtcdEvent)
        /// The watch ended by itself.
        case gone(EtcdWatchResponse)

        var event: EtcdEvent? { if case .event(let event) = self { event } else { nil } }

        var text: String {
            switch self {
            case .event(let event): event.shortText
            case .gone(let response): response.shortText
            }
        }
    }

    struct State {
        /// What answers requests to begin and to cancel, in the order in which they were made.
        var answers: [EtcdWatchResponse] = []
        /// The revisions of progress of all watches.
        var progress: [Int64] = []
        var watches: [Int64: [Entry]] = [:]
        /// Watches of which more fragments have to come.
        fileprivate(set) var isInFragments: Set<Int64> = []
        /// What no server may send.
        var wrong: [String] = []
        var isOver = false
        /// The revision of the last event of each watch.
        fileprivate var last: [Int64: Int64] = [:]
    }

    let stream: WatchClient
    private let state = Lock(State())
    private let reading: Task<Void, Never>

    /// Reads until the stream ends, and says to `ticks` that something came.
    init(_ stream: WatchClient, ticks: AsyncStream<Void>.Continuation) {
        self.stream = stream
        reading = Task { [state] in
            while let response = try? await stream.next() {
                state.withLock { $0.receive(response) }
                ticks.yield()
            }
            state.withLock { $0.isOver = true }
            ticks.yield()
        }
    }

    func read<R>(_ body: (State) -> R) -> R { state.withLock { body($0) } }

    /// What came since it was last taken.
    func take() -> State {
        state.withLock { state in
            defer { (state.answers, state.progress, state.watches, state.wrong) = ([], [], [:], []) }
            return state
        }
    }

    /// The same, of answers and progress alone.
    func takeAnswers() -> State {
        state.withLock { state in
            defer { (state.answers, state.progress) = ([], []) }
            return state
        }
    }

    func close() async throws {
        try await stream.call.cancel()
        await reading.value
    }
}

extension StreamLog.State {
    fileprivate mutating func receive(_ response: EtcdWatchResponse) {
        var response = response
        if response.compactRevision != 0 {
            response.header = response.header.comparable
            watches[response.watchID, default: []].append(.gone(response))
        } else if response.created || response.canceled {
            response.header = response.header.comparable
            answers.append(response)
            last[response.watchID] = nil
        } else if response.watchID == -1, response.events.isEmpty {
            progress.append(response.header.revision)
        } else {
            check(response)
            watches[response.watchID, default: []] += response.events.map { .event($0) }
        }
    }

    /// A revision comes whole, and the header is not older than what it heads.
    private mutating func check(_ response: EtcdWatchResponse) {
        guard let first = response.events.first?.kv.modRevision, let last = response.events.last?.kv.modRevision else {
            return
        }
        if response.header.revision < last { wrong.append("events beyond the header: \(response.shortText)") }
        if self.last[response.watchID] == first, !isInFragments.contains(response.watchID) {
            wrong.append("the rest of a revision in another response: \(response.shortText)")
        }
        self.last[response.watchID] = last
        if response.fragment {
            isInFragments.insert(response.watchID)
        } else {
            isInFragments.remove(response.watchID)
        }
    }
}

extension EtcdResponseHeader {
    /// What has to be the same on two servers.
    var comparable: EtcdResponseHeader { .with { $0.revision = revision } }
}
