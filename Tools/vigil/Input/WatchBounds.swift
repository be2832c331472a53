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
        case "earliest": start = .earliest
        case "snapshot": start = .snapshot
        default:
            guard let revision = Revision(argument), revision >= 1 else { return nil }
            start = .revision(revision)
        }
    }

    var defaultValueDescription: String { description }
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

    func revision(head: Revision) -> Revision {
        switch self {
        case .head: head
        case .revision(let revision): revision
        }
    }
}
