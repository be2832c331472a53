import ArgumentParser
import Vigil

/// The values of `--from` and `--to`, of a stretch of history.
enum RevisionBounds {
    static func validate(from: LogOrigin?, to: RevisionArgument?) throws {
        try to?.validate("--to", atLeast: 1)
        if case .revision(let from) = from?.start, case .revision(let to) = to { try validate(from: from, to: to) }
    }

    /// The first revision of a stretch that ends with `last`, or else with `head`. That there is none yet is no
    /// mistake, and is said.
    ///
    /// - Throws: `StoreError` with `.compacted` if everything up to the end was forgotten.
    static func first(
        _ from: LogOrigin?, through last: Revision?, head: Revision, in store: any CommandStore
    ) async throws -> Revision {
        guard let from else {
            let earliest = try await store.earliest
            if let last, last < earliest, last > 0 {
                throw StoreError.compacted(requested: last, earliest: earliest)
            }
            return earliest
        }
        let first = try await from.revision(in: store)
        if first > head { Output.error("nothing from there on yet: the newest revision is \(head)") }
        return first
    }

    static func validate(from: Revision?, to: Revision?) throws {
        if let from, from < 1 { throw ValidationError("--from is \(from); the first revision is 1") }
        if let to, to < 1 { throw ValidationError("--to is \(to); the first revision is 1") }
        if let from, let to, to < from { throw ValidationError("--to is \(to), before --from, which is \(from)") }
    }
}
