import WatchDispatch

/// A way from producers to consumers within one process.
protocol LiveSystem: Sendable {
    associatedtype Channel: LiveChannel
    var name: String { get }
    /// A channel to so many consumers, with room for `capacity` updates before each of them.
    func open(consumers: Int, capacity: Int) -> Channel
}

/// One such way, in use. Each consumer gets every update.
protocol LiveChannel: Sendable {
    /// Announces an update, which the caller gives away, without waiting for anybody.
    func offer(_ update: consuming WatchUpdate)
    /// Announces an update, waiting for the consumers if that is how the system works.
    func send(_ update: WatchUpdate) async
    /// Calls `body` with each update, until `finish`; to be called once for each consumer.
    func consume(_ consumer: Int, _ body: (WatchUpdate) -> Void) async
    func finish()
}

extension LiveChannel {
    func send(_ update: WatchUpdate) async { offer(update) }
}

extension Array {
    /// Gives `update` to each element, to the last of them without another reference.
    func give(_ update: consuming WatchUpdate, to take: (Element, consuming WatchUpdate) -> Void) {
        for element in dropLast() { take(element, copy update) }
        if let last { take(last, update) }
    }
}

/// All of them.
let liveSystems: [any LiveSystem] = [VigilLive(), DequeLive(), StreamLive(), ChannelLive()]

/// So many updates that they are not the same few cache lines over and over, and few enough to stay in the cache, like
/// updates that were just made.
func makeUpdates(_ count: Int = 4096, keys: Int = 1) -> [WatchUpdate] {
    (1...count).map { number in
        WatchUpdate(
            revision: Revision(number),
            events: [
                WatchEvent(type: .put, key: "key/\(number % keys)", value: "value", revision: Revision(number))
            ])
    }
}
