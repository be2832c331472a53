import AsyncAlgorithms
import WatchDispatch

/// swift-async-algorithms' `AsyncChannel`, one for each consumer. It has no buffer: a sender waits until its element was
/// taken.
struct ChannelLive: LiveSystem {
    let name = "AsyncChannel"

    func open(consumers: Int, capacity: Int) -> ChannelChannel { ChannelChannel(consumers: consumers) }
}

final class ChannelChannel: LiveChannel {
    private let channels: [AsyncChannel<WatchUpdate>]

    init(consumers: Int) {
        channels = (0..<consumers).map { _ in AsyncChannel() }
    }

    /// What a producer has to do that cannot wait.
    func offer(_ update: consuming WatchUpdate) {
        let update = update
        Task { await send(update) }
    }

    func send(_ update: WatchUpdate) async {
        for channel in channels { await channel.send(update) }
    }

    func consume(_ consumer: Int, _ body: (WatchUpdate) -> Void) async {
        for await update in channels[consumer] { body(update) }
    }

    func finish() {
        for channel in channels { channel.finish() }
    }
}
