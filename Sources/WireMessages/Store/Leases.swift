package import Vigil

extension WireLease {
    package init(_ lease: Lease) {
        self.init()
        id = lease.id
        seconds = lease.seconds
        if let remaining = lease.remaining { self.remaining = remaining.milliseconds }
    }
}

extension Lease {
    package init(_ wire: WireLease) {
        self.init(
            id: wire.id, seconds: wire.seconds, remaining: wire.hasRemaining ? .milliseconds(wire.remaining) : nil)
    }
}
