package import Vigil

extension WireHold {
    package init(_ hold: CursorHold) {
        self.init()
        if let revisions = hold.revisions { self.revisions = revisions }
        if let age = hold.age { self.age = age.milliseconds }
        if let bytes = hold.bytes { self.bytes = Int64(bytes) }
        fails = hold.then == .fail
    }
}

extension CursorHold {
    package init(_ wire: WireHold) {
        self.init(
            revisions: wire.hasRevisions ? wire.revisions : nil, age: wire.hasAge ? .milliseconds(wire.age) : nil,
            bytes: wire.hasBytes ? Int(wire.bytes) : nil, then: wire.fails ? .fail : .release)
    }
}

extension WireCursor {
    package init(_ cursor: WatchCursor) {
        self.init()
        name = cursor.name
        acknowledged = cursor.acknowledged
        moved = cursor.movedMilliseconds
        if let hold = cursor.hold { self.hold = WireHold(hold) }
        isFailed = cursor.isFailed
        isCompacted = cursor.isCompacted
        lagRevisions = cursor.lag.revisions
        lagAge = cursor.lag.age.milliseconds
        lagBytes = Int64(cursor.lag.bytes)
    }
}

extension WatchCursor {
    package init(_ wire: WireCursor) {
        var lag = CursorLag()
        lag.revisions = wire.lagRevisions
        lag.age = .milliseconds(wire.lagAge)
        lag.bytes = Int(wire.lagBytes)
        self.init(
            name: wire.name, acknowledged: wire.acknowledged, movedMilliseconds: wire.moved,
            hold: wire.hasHold ? CursorHold(wire.hold) : nil, isFailed: wire.isFailed, lag: lag,
            isCompacted: wire.isCompacted)
    }
}

extension WireSetCursorRequest {
    package init(_ name: String, to position: CursorPosition) {
        self.init()
        self.name = name
        switch position {
        case .acknowledged(let revision): acknowledged = revision
        case .earliest: earliest = Earliest()
        case .now: now = Now()
        }
    }

    package init(_ name: String, hold: CursorHold?) {
        self.init()
        self.name = name
        if let hold { self.hold = WireHold(hold) } else { noHold = NoHold() }
    }
}
