import Vigil
import WireMessages

/// What a watch wants to see. Watches of one stream that want the same can be read as one.
struct WatchInterest: Hashable, Sendable {
    private let keys: KeyRange
    private let types: WatchTypes
    private let previousValues: Bool

    init(_ request: EtcdWatchCreateRequest) {
        keys = request.keys
        types = request.options.types
        previousValues = request.options.previousValues
    }
}

/// Watches of one stream that want the same, read as one: each event is routed, taken out of a buffer and encoded once for
/// all of them. The feed has a watch of its own; theirs rest.
///
/// A watch joins when the feed has read no more than the watch has seen: what comes then, the feed brings. It leaves when it
/// has something of its own to do. Then the feed is asked for progress, and the watch goes on by itself from there: from the
/// last event it could not, as the history since may be compacted.
///
/// Only the task of the stream's ``LiveSender`` touches it.
final class SharedFeed {
    private struct Follower {
        let watch: FollowedWatch
        /// What comes before this revision it has seen.
        var next: Revision
    }

    /// How the reading went that is being given to the watches.
    enum Turn {
        /// There was no more; the bell will be rung.
        case waits
        case goesOn
        /// All through some revision was read.
        case progress
        /// The feed cannot go on; what it has read is before this revision.
        case ends(at: Revision)

        var isEnd: Bool { if case .ends = self { true } else { false } }
    }

    let watch: Watch
    /// Of the reading that was not given to all of them yet.
    var turn: Turn?
    private var followers: [Follower] = []
    private var places: [ObjectIdentifier: Int] = [:]
    private var leaving: [FollowedWatch] = []
    /// How many were given what was read last.
    private var given = 0

    init(_ watch: Watch) {
        self.watch = watch
    }

    deinit {
        watch.cancel()
    }

    var isEmpty: Bool { followers.isEmpty }

    func add(_ watch: FollowedWatch, next: Revision) {
        places[ObjectIdentifier(watch)] = followers.count
        followers.append(Follower(watch: watch, next: next))
    }

    /// Has `watch` let go as soon as it is known how far the feed is. False if it is none of them.
    func leave(_ watch: FollowedWatch) -> Bool {
        guard places[ObjectIdentifier(watch)] != nil else { return false }
        if leaving.isEmpty { self.watch.requestProgress() }
        leaving.append(watch)
        return true
    }

    /// Lets go of those that wait for it, now that all that was read was given: returns them.
    func letGo() -> [FollowedWatch] {
        defer { leaving = [] }
        return leaving.filter { wake($0, at: watch.resumeRevision) }
    }

    /// Lets go of all of them: they go on at `revision`.
    func letAllGo(at revision: Revision) -> [FollowedWatch] {
        leaving = []
        return followers.map(\.watch).filter { wake($0, at: revision) }
    }

    /// False if it is none of them any more.
    private func wake(_ watch: FollowedWatch, at revision: Revision) -> Bool {
        guard let next = remove(watch) else { return false }
        watch.watch.wake(at: max(next, revision))
        return true
    }

    private func remove(_ watch: FollowedWatch) -> Revision? {
        guard let place = places.removeValue(forKey: ObjectIdentifier(watch)) else { return nil }
        let next = followers[place].next
        let last = followers.removeLast()
        if place < followers.count {
            followers[place] = last
            places[ObjectIdentifier(last.watch)] = place
        }
        return next
    }

    /// What became of giving to one.
    enum Gift { case stays, ends, isFull }

    /// Gives the events of `batch` to each that has not seen them, with `give`. Returns false, to be called again with the
    /// same, if there is no more room.
    func give(_ batch: inout EventBatch, with give: (FollowedWatch, inout EventBatch) -> Gift) -> Bool {
        guard let last = batch.last else { return true }
        while given < followers.count {
            let follower = followers[given]
            follower.watch.address(&batch, from: follower.next)
            switch batch.hasMore ? give(follower.watch, &batch) : .stays {
            case .isFull: return false
            case .ends:
                // Another has its place now.
                _ = remove(follower.watch)
            case .stays:
                followers[given].next = max(follower.next, last + 1)
                given += 1
            }
        }
        given = 0
        return true
    }
}
