import ArgumentParser
import Vigil

/// A revision as it is given on the command line: by its number, or by a time.
enum RevisionArgument: ExpressibleByArgument {
    case revision(Revision)
    case time(TimeArgument)

    static let help =
        "a revision, or @TIME: ISO 8601 as in @2026-11-23T08:00:00Z, or so long ago as in @-90s, m, h, d, w"

    init?(argument: String) {
        if let revision = Revision(argument) {
            self = .revision(revision)
        } else if let time = TimeArgument(argument[...]) {
            self = .time(time)
        } else {
            return nil
        }
    }

    /// The first revision of then or later.
    func first(in store: any CommandStore) async throws -> Revision {
        switch self {
        case .revision(let revision): revision
        case .time(let time): try await store.firstRevision(atOrAfter: time.milliseconds)
        }
    }

    /// The revision that was the newest then; 0, the empty store that every other began as, if there was none.
    func newest(in store: any CommandStore) async throws -> Revision {
        switch self {
        case .revision(let revision): revision
        case .time(let time): try await store.lastRevision(atOrBefore: time.milliseconds)
        }
    }

    /// - Throws: `ValidationError` if it is a number below `lowest`.
    func validate(_ name: String, atLeast lowest: Revision) throws {
        guard case .revision(let revision) = self, revision < lowest else { return }
        throw ValidationError(
            "\(name) is \(revision); " + (lowest == 0 ? "it must not be negative" : "the first revision is \(lowest)"))
    }
}
