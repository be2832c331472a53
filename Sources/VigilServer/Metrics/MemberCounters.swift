import Threads

/// What is counted of the watches of clients.
final class MemberCounters: Sendable {
    let watchStreams = Counter()
    let watches = Counter()
    /// Events that were sent.
    let events = Counter()
}
