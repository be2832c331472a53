import GRPCWire
import Logging
import NIOCore
import Threads

/// Sees every call begin and end: counts them, and logs them. What clients send is never logged.
struct CallObserver: Sendable {
    let logger: Logger
    let slowCall: TimeAmount
    private let slowLines = RateLimit(perSecond: Limits.slowCallLines)

    init(logger: Logger, slowCall: TimeAmount) {
        self.logger = logger
        self.slowCall = slowCall
    }

    func began(_ method: Method) {
        method.counters.started.add()
    }

    func ended(_ call: Call, _ status: Status) {
        call.method.counters.ended(status.code)
        let duration = NIODeadline.now() - call.began
        logger.debug("a call ended", metadata: metadata(call, status, duration))
        // Streams last as long as clients like, and read.
        guard duration >= slowCall, call.method.shape == .unary, let left = slowLines.take() else { return }
        var metadata = metadata(call, status, duration)
        if left > 0 { metadata["not_logged"] = "\(left)" }
        logger.warning("a call was slow", metadata: metadata)
    }

    private func metadata(_ call: Call, _ status: Status, _ duration: TimeAmount) -> Logger.Metadata {
        var metadata = call.peer.metadata
        metadata["method"] = "\(call.method.path)"
        metadata["status"] = "\(status.code)"
        metadata["milliseconds"] = "\(Double(duration.nanoseconds / 1000) / 1000)"
        return metadata
    }
}

/// Lets so much through in a second, and counts the rest.
final class RateLimit: Sendable {
    private struct State {
        var until = NIODeadline.uptimeNanoseconds(0)
        var taken = 0
        var refused = 0
    }

    private let state = Lock(State())
    private let perSecond: Int

    init(perSecond: Int) {
        self.perSecond = perSecond
    }

    /// How many were refused since one was last let through; nil if this one is refused too.
    func take(at now: NIODeadline = .now()) -> Int? {
        state.withLock { state in
            if now >= state.until {
                state.until = now + .seconds(1)
                state.taken = 0
            }
            guard state.taken < perSecond else {
                state.refused += 1
                return nil
            }
            state.taken += 1
            defer { state.refused = 0 }
            return state.refused
        }
    }
}
