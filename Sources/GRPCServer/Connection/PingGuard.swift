import NIOCore

/// Counts pings of a client that come too soon. Pings while it is being sent something are how clients measure the
/// bandwidth; they are free.
struct PingGuard {
    private let minimumInterval: TimeAmount
    private var last: NIODeadline?
    private var strikes = 0

    init(minimumInterval: TimeAmount) {
        self.minimumInterval = minimumInterval
    }

    /// Some of an answer has left since the ping before.
    mutating func sent() {
        last = nil
        strikes = 0
    }

    /// A ping came. Returns whether that was one too many.
    mutating func received(at now: NIODeadline) -> Bool {
        if let last, now - last < minimumInterval { strikes += 1 }
        last = now
        return strikes > Limits.pingStrikes
    }
}
