import ArgumentParser
import Vigil

/// The value of `--from`.
struct WatchOrigin: ExpressibleByArgument, CustomStringConvertible {
    let start: WatchStart
    let description: String

    static func start(_ start: WatchStart) -> WatchOrigin {
        WatchOrigin(start: start, description: "\(start)")
    }

    private init(start: WatchStart, description: String) {
        self.start = start
        self.description = description
    }

    init?(argument: String) {
        description = argument
        switch argument {
        case "now": start = .now
        case "snapshot": start = .snapshot
        default:
            guard let origin = LogOrigin(argument: argument) else { return nil }
            start = origin.start
        }
    }

    var defaultValueDescription: String { description }
}

/// The same of what reads the past only.
struct LogOrigin: ExpressibleByArgument {
    let start: WatchStart

    static let help = "earliest, -N for the last N revisions, \(RevisionArgument.help)"

    init?(argument: String) {
        if argument == "earliest" {
            start = .earliest
            return
        }
        switch RevisionArgument(argument: argument) {
        case .revision(let revision) where revision >= 1: start = .revision(revision)
        case .revision(let revision) where revision < 0: start = .last(Int(clamping: revision.magnitude))
        case .time(let time): start = .time(milliseconds: time.milliseconds)
        case .revision, nil: return nil
        }
    }

    /// The first revision to read, which may be the one after the newest, and no later.
    func revision(in store: any CommandStore) async throws -> Revision {
        switch start {
        case .revision(let revision):
            let head = try await store.head
            if revision > head + 1 { throw StoreError.future(requested: revision, head: head) }
            return revision
        case .last(let count):
            let head = try await store.head
            return max(try await store.earliest, head - Revision(min(count, Int(head))) + 1)
        case .time(let milliseconds): return try await store.firstRevision(atOrAfter: milliseconds)
        case .earliest, .now, .snapshot, .cursor: return try await store.earliest
        }
    }
}

/// The value of `--until`.
enum WatchEnd: ExpressibleByArgument {
    case head
    case revision(Revision)

    init?(argument: String) {
        if argument == "head" {
            self = .head
        } else if let revision = Revision(argument), revision >= 1 {
            self = .revision(revision)
        } else {
            return nil
        }
    }

    func revision(in store: any CommandStore) async throws -> Revision {
        switch self {
        case .head: try await store.head
        case .revision(let revision): revision
        }
    }
}
