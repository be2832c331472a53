import NIOCore

/// Notices that a connection has had no call for long. Looks only when it might be time, so that a call costs it no timer.
/// Lives on the event loop of its connection.
final class IdleTimer {
    private let timeout: TimeAmount
    private var lastCall = NIODeadline.now()
    private var timer: Scheduled<Void>?

    init(timeout: TimeAmount) {
        self.timeout = timeout
    }

    /// A call has begun or ended.
    func used() {
        lastCall = .now()
    }

    /// Calls `act` once it has been `isIdle` for long, unless it is stopped.
    func start(on eventLoop: any EventLoop, isIdle: @escaping () -> Bool, act: @escaping () -> Void) {
        timer = eventLoop.assumeIsolated().scheduleTask(deadline: max(lastCall + timeout, .now())) {
            if isIdle(), self.lastCall + self.timeout <= .now() { return act() }
            if !isIdle() { self.used() }
            self.start(on: eventLoop, isIdle: isIdle, act: act)
        }
    }

    func stop() {
        timer?.cancel()
        timer = nil
    }
}
