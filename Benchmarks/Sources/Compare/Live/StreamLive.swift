import WatchDispatch

/// The standard library's `AsyncStream`, with a bounded buffer that keeps the oldest: one stream for each consumer.
struct StreamLive: LiveSystem {
    let name = "AsyncStream"

    func open(consumers: Int, capacity: Int) -> StreamChannel {
        StreamChannel(consumers: consumers, capacity: capacity)
    }
}

final class StreamChannel: LiveChannel {
    private let streams: [AsyncStream<WatchUpdate>]
    private let continuations: [AsyncStream<WatchUpdate>.Continuation]

    init(consumers: Int, capacity: Int) {
        let pairs = (0..<consumers).map { _ in
            AsyncStream.makeStream(of: WatchUpdate.self, bufferingPolicy: .bufferingOldest(capacity))
        }
        streams = pairs.map(\.stream)
        continuations = pairs.map(\.continuation)
    }

    func offer(_ update: consuming WatchUpdate) {
        continuations.give(update) { $0.yield($1) }
    }

    func consume(_ consumer: Int, _ body: (WatchUpdate) -> Void) async {
        for await update in streams[consumer] { body(update) }
    }

    func finish() {
        for continuation in continuations { continuation.finish() }
    }
}
