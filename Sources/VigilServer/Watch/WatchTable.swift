import Vigil

/// The watches of one stream, and who waits for progress. Pure: what to send is returned.
struct WatchTable: Sendable {
    private struct Entry: Sendable {
        /// Nil when it has ended by itself; its number stays taken until the client cancels it.
        var watch: Watch?
        var tellsProgress: Bool
        /// Since the last look at who has to be told of progress.
        var hasSent = true
        var isAsked = false
        var isCancelled = false
    }

    private var entries: [Int64: Entry] = [:]
    private var nextID: Int64 = 0
    /// A request for progress of all watches: through which revision, and which have not come so far.
    private var awaited: (revision: Revision, watches: Set<Int64>)?
    /// Another such request came meanwhile.
    private var isAwaitedAgain = false

    var count: Int { entries.count }

    func contains(_ id: Int64) -> Bool { entries[id] != nil }

    /// Adds a watch, or one that has ended already, under `id`, or under a free number if that is 0.
    mutating func add(_ watch: Watch?, id: Int64, tellsProgress: Bool) -> Int64 {
        var id = id
        if id == 0 {
            while entries[nextID] != nil { nextID += 1 }
            id = nextID
            nextID += 1
        }
        entries[id] = Entry(watch: watch, tellsProgress: tellsProgress)
        return id
    }

    /// Events of the watch were sent.
    mutating func sent(_ id: Int64) {
        entries[id]?.hasSent = true
    }

    // MARK: Ends

    enum Cancellation: Sendable {
        case unknown
        /// Its task has ended: only the client has to be told.
        case ended
        case running(Watch)
    }

    /// The client wants the watch no more.
    mutating func cancel(_ id: Int64) -> Cancellation {
        guard let entry = entries[id], !entry.isCancelled else { return .unknown }
        guard let watch = entry.watch else {
            entries[id] = nil
            return .ended
        }
        entries[id]!.isCancelled = true
        return .running(watch)
    }

    func isCancelled(_ id: Int64) -> Bool { entries[id]?.isCancelled ?? false }

    /// The task of the watch ends. Returns the revision of a progress that only this watch held up.
    mutating func remove(_ id: Int64, keepsNumber: Bool) -> Revision? {
        if keepsNumber, entries[id]?.isCancelled == false { entries[id]!.watch = nil } else { entries[id] = nil }
        return arrived(id)
    }

    // MARK: Progress

    /// The watches to ask, since they have to tell of progress and have sent nothing for a while.
    mutating func quietWatches() -> [Watch] {
        var quiet: [Watch] = []
        for (id, entry) in entries {
            guard entry.tellsProgress, let watch = entry.watch else { continue }
            if !entry.hasSent {
                entries[id]!.isAsked = true
                quiet.append(watch)
            }
            entries[id]!.hasSent = false
        }
        return quiet
    }

    /// The client asks how far all watches are, with the store at `head`. Returns the watches to ask.
    mutating func requestProgress(head: Revision) -> [Watch] {
        guard awaited == nil else {
            isAwaitedAgain = true
            return []
        }
        let running = entries.filter { $0.value.watch != nil }
        // As etcd: no answer if there is nothing that could progress.
        guard !running.isEmpty else { return [] }
        awaited = (head, Set(running.keys))
        return running.compactMap(\.value.watch)
    }

    struct Progress: Sendable {
        /// To be sent for the watch itself.
        var ofWatch: Revision?
        /// To be sent for all watches of the stream.
        var ofAll: Revision?
        /// It was not far enough, and has to be asked again.
        var asksAgain = false
    }

    /// A watch has sent everything through `revision`.
    mutating func progressed(_ id: Int64, through revision: Revision) -> Progress {
        var progress = Progress()
        if entries[id]?.isAsked == true {
            entries[id]!.isAsked = false
            progress.ofWatch = revision
        }
        if let awaited, awaited.watches.contains(id) {
            if revision < awaited.revision {
                progress.asksAgain = true
            } else {
                progress.ofAll = arrived(id)
            }
        }
        return progress
    }

    /// Whether another request for progress waits to be made.
    mutating func takeAwaitedAgain() -> Bool {
        defer { isAwaitedAgain = false }
        return isAwaitedAgain
    }

    private mutating func arrived(_ id: Int64) -> Revision? {
        guard awaited?.watches.remove(id) != nil, let revision = awaited?.revision, awaited!.watches.isEmpty
        else { return nil }
        awaited = nil
        // Of no watches there is no progress.
        return entries.contains { $0.value.watch != nil } ? revision : nil
    }
}
