import Vigil

/// What a watcher saw of one event, enough to tell it from every other.
struct Sighting: Hashable, Sendable {
    var revision: Revision
    var isPut: Bool
    var key: Bytes
    var value: Bytes

    init(revision: Revision, isPut: Bool, key: Bytes, value: Bytes) {
        self.revision = revision
        self.isPut = isPut
        self.key = key
        self.value = value
    }

    init(_ event: WatchEvent) {
        self.init(revision: event.revision, isPut: event.type == .put, key: event.key, value: event.value)
    }
}

/// One watcher's account of itself.
struct WatcherReport: Sendable {
    var name: String
    /// The first revision that it should have seen.
    var from: Revision
    var sightings: [Sighting] = []
    var parked = 0
    /// Updates that came from the log and not live.
    var replayed = 0
    var killed = 0
    /// From the moment at which it could have caught up to that at which it had.
    var catchUp: Duration = .zero
}

/// A report held against the log.
struct Verdict: Sendable {
    var report: WatcherReport
    var missing = 0
    var doubled = 0
    /// Events that the log does not have, or has in another place.
    var wrong = 0

    /// Compares event by event; `log` has everything from the report's first revision on.
    init(_ report: WatcherReport, log: [Sighting]) {
        self.report = report
        let expected = log.filter { $0.revision >= report.from }
        var seen: [Sighting: Int] = [:]
        for sighting in report.sightings { seen[sighting, default: 0] += 1 }
        missing = expected.count { seen[$0] == nil }
        doubled = seen.values.reduce(0) { $0 + $1 - 1 }
        if missing == 0, doubled == 0, report.sightings != expected {
            wrong = max(1, zip(report.sightings, expected).count { $0 != $1 })
        }
    }

    var isExact: Bool { missing == 0 && doubled == 0 && wrong == 0 }
}
