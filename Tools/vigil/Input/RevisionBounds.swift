import ArgumentParser
import Vigil

/// The values of `--from` and `--to`, of a stretch of history.
enum RevisionBounds {
    static func validate(from: Revision?, to: Revision?) throws {
        if let from, from < 1 { throw ValidationError("--from is \(from); the first revision is 1") }
        if let to, to < 1 { throw ValidationError("--to is \(to); the first revision is 1") }
        if let from, let to, to < from { throw ValidationError("--to is \(to), before --from, which is \(from)") }
    }
}
