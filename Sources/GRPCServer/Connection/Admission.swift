import NIOCore

/// The connections that are open, and whether one more may be. Pure: whom to close and what to log is returned.
struct Admission {
    private(set) var connections: [ObjectIdentifier: Connection] = [:]
    /// When those were admitted that have not shaken hands.
    private var handshakes: [ObjectIdentifier: NIODeadline] = [:]
    private var isShuttingDown = false
    /// Refusals since one was last logged, and when that may be done again.
    private var refusals = 0
    private var nextLog = NIODeadline.uptimeNanoseconds(0)
    private(set) var refusedInAll = 0

    enum Outcome {
        /// `evicted` makes room, having had its time to shake hands.
        case admitted(evicted: Connection?)
        /// With what to log, if it is time again.
        case refused(String?)
    }

    /// A connection was accepted.
    mutating func admit(_ connection: Connection, _ options: ServerOptions, at now: NIODeadline) -> Outcome {
        guard !isShuttingDown else { return .refused(nil) }
        guard connections.count < options.maximumConnections else {
            return refuse("\(options.maximumConnections) are open, the limit", at: now)
        }
        var evicted: Connection?
        if handshakes.count >= options.maximumHandshakes {
            guard let oldest = handshakes.min(by: { $0.value < $1.value }),
                oldest.value <= now - .milliseconds(Limits.handshakeYieldMilliseconds)
            else { return refuse("\(options.maximumHandshakes) have not shaken hands, the limit", at: now) }
            handshakes[oldest.key] = nil
            evicted = connections[oldest.key]
        }
        connections[ObjectIdentifier(connection)] = connection
        handshakes[ObjectIdentifier(connection)] = now
        return .admitted(evicted: evicted)
    }

    mutating func handshakeEnded(_ connection: Connection) {
        handshakes[ObjectIdentifier(connection)] = nil
    }

    mutating func closed(_ connection: Connection) {
        handshakes[ObjectIdentifier(connection)] = nil
        connections[ObjectIdentifier(connection)] = nil
    }

    /// No more are admitted. Returns those that are open.
    mutating func shutDown() -> [Connection] {
        isShuttingDown = true
        return Array(connections.values)
    }

    /// A flood of connections is not to become one of log lines.
    private mutating func refuse(_ reason: String, at now: NIODeadline) -> Outcome {
        refusals += 1
        refusedInAll += 1
        guard now >= nextLog else { return .refused(nil) }
        defer { refusals = 0 }
        nextLog = now + .seconds(Limits.refusalLogSeconds)
        return .refused("connections are refused (\(refusals)): \(reason)")
    }
}
