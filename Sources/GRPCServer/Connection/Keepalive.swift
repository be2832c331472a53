import NIOCore

/// Notices that a client is gone without a word: when nothing was heard for long it is pinged, and when that brings no
/// answer either the connection is closed. Lives on the event loop of its connection.
final class Keepalive {
    enum Action {
        case ping
        case close
    }

    private let interval: TimeAmount
    private let timeout: TimeAmount
    private var lastHeard = NIODeadline.now()
    private var isPinging = false
    private var timer: Scheduled<Void>?

    init(options: ServerOptions) {
        interval = options.keepaliveInterval
        timeout = options.keepaliveTimeout
    }

    /// Something came from the client.
    func heard() {
        lastHeard = .now()
        isPinging = false
    }

    /// Calls `act` when something has to be done, until `stop`.
    func start(on eventLoop: any EventLoop, act: @escaping (Action) -> Void) {
        schedule(at: lastHeard + interval, eventLoop, act)
    }

    func stop() {
        timer?.cancel()
        timer = nil
    }

    private func schedule(at deadline: NIODeadline, _ eventLoop: any EventLoop, _ act: @escaping (Action) -> Void) {
        timer = eventLoop.assumeIsolated().scheduleTask(deadline: deadline) {
            if self.isPinging { return act(.close) }
            let due = self.lastHeard + self.interval
            if due > .now() { return self.schedule(at: due, eventLoop, act) }
            self.isPinging = true
            act(.ping)
            self.schedule(at: .now() + self.timeout, eventLoop, act)
        }
    }
}
