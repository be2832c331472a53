import ChildProcess
import TestSupport
import Testing
import Threads
import Vigil

/// A watcher in a process of its own, which is started again where it was whenever it ends.
protocol TorturedWatcher: Sendable, CustomStringConvertible {
    func run() async throws
    /// Ends the process; it is started again.
    func kill()
    /// Ends it for good.
    func stop()
    /// Returns when everything through `revision` was seen.
    func reach(_ revision: Revision) async throws
    /// Revisions seen, and what was wrong.
    var seen: Int { get }
    var problems: [String] { get }
}

/// What both kinds of watchers keep.
struct TorturedState: Sendable {
    var process: ChildProcess?
    var isStopping = false
    /// The newest revision that was seen.
    var last: Revision = 0
    var seen = 0
    var starts = 0
    /// How often history was gone, and that was told.
    var told = 0
    var missing: Revision = 0
    var doubled = 0
    var problems: [String] = []
    var waiting: (revision: Revision, continuation: CheckedContinuation<Void, Never>)?

    /// Begins a process, unless it is over.
    mutating func begin(_ start: () throws -> ChildProcess) rethrows -> ChildProcess? {
        if isStopping { return nil }
        starts += 1
        let started = try start()
        process = started
        return started
    }

    mutating func see(_ revision: Revision) {
        if revision > last + 1 {
            missing += revision - last - 1
            problems.append("\(revision) came after \(last)")
        }
        if revision > last { seen += 1 }
        last = max(last, revision)
        if let waiting, waiting.revision <= last {
            self.waiting = nil
            waiting.continuation.resume()
        }
    }

    /// History begins at `earliest` now.
    mutating func tell(_ earliest: Revision) {
        told += 1
        if earliest <= last { problems.append("history was said to be gone before \(earliest), at \(last)") }
        last = max(last, earliest - 1)
    }

    var summary: String {
        "\(seen) revisions, \(starts) starts, told \(told) times of history that is gone, "
            + "\(missing) missing, \(doubled) doubled"
    }
}

/// Goes on from the revision after the last that it has seen whole.
final class TorturedFollower: TorturedWatcher {
    private let path: String
    private let state = Lock(TorturedState())

    init(_ path: String) {
        self.path = path
    }

    func run() async throws {
        while true {
            // The last revision may have been printed in part only, and is asked for again.
            let process = try state.withLock { state throws in
                let last = max(1, state.last)
                return try state.begin { try ChildProcess(built: "CrashWriter", ["follow", path, String(last)]) }
            }
            guard let process else { return }
            var before: Revision = 0
            for await line in process.lines { take(line, &before) }
            _ = await process.status()
        }
    }

    private func take(_ line: String, _ before: inout Revision) {
        let words = line.split(separator: " ")
        state.withLock { state in
            switch words.first {
            case "event":
                let revision = Revision(words[1])!
                if revision < before {
                    state.doubled += 1
                    state.problems.append("\(revision) came again after \(before)")
                }
                before = revision
                state.see(revision)
            case "error" where words[1] == "compacted":
                // The last one, if it is only asked for again, may be gone.
                let earliest = Revision(words[2])!
                if earliest > state.last + 1 { state.tell(earliest) } else { state.last = earliest - 1 }
            default: if !state.isStopping { state.problems.append(line) }
            }
        }
    }

    func kill() { state.withLock { $0.process }?.kill() }
    func stop() {
        state.withLock { $0.isStopping = true }
        kill()
    }
    func reach(_ revision: Revision) async throws { await state.reach(revision) }
    var seen: Int { state.withLock { $0.seen } }
    var problems: [String] { state.withLock { $0.problems } }
    var description: String { "follower: " + state.withLock { $0.summary } }
}

/// Goes on where its cursor is: at or before what it has seen, and not before what was acknowledged durably.
final class TorturedCursor: TorturedWatcher {
    private let path: String
    private let name: String
    private let state = Lock(TorturedState())

    init(_ path: String, name: String) {
        self.path = path
        self.name = name
    }

    func run() async throws {
        var durable: Revision = 0
        while true {
            let process = try state.withLock { state throws in
                try state.begin { try ChildProcess(built: "CrashWriter", ["along", path, name]) }
            }
            guard let process else { return }
            var before: Revision = 0
            for await line in process.lines { take(line, &before, &durable) }
            _ = await process.status()
        }
    }

    private func take(_ line: String, _ before: inout Revision, _ durable: inout Revision) {
        let words = line.split(separator: " ")
        guard words.count == 2, let revision = Revision(words[1]) else {
            return state.withLock { $0.problems.append(line) }
        }
        state.withLock { state in
            switch words[0] {
            case "read":
                if revision <= durable || before != 0 && revision <= before {
                    state.doubled += 1
                    state.problems.append("\(revision) came again after \(before), acknowledged through \(durable)")
                }
                if before != 0, revision > before + 1 { state.problems.append("\(revision) came after \(before)") }
                before = revision
                state.see(revision)
            case "durable": durable = revision
            default:
                before = 0
                if revision > state.last + 1 { state.tell(revision) }
                durable = min(durable, revision - 1)
            }
        }
    }

    func kill() { state.withLock { $0.process }?.kill() }
    func stop() {
        state.withLock { $0.isStopping = true }
        kill()
    }
    func reach(_ revision: Revision) async throws { await state.reach(revision) }
    var seen: Int { state.withLock { $0.seen } }
    var problems: [String] { state.withLock { $0.problems } }
    var description: String { "cursor: " + state.withLock { $0.summary } }
}

extension Lock where Value == TorturedState {
    /// Returns when `revision` was seen.
    fileprivate func reach(_ revision: Revision) async {
        await withCheckedContinuation { continuation in
            let isReached = withLock { state in
                if state.last >= revision { return true }
                state.waiting = (revision, continuation)
                return false
            }
            if isReached { continuation.resume() }
        }
    }
}
