import Changes

@testable import WatchDispatch

/// A log that has every revision.
struct EveryRevision: UpdateSource {
    func updates(from: Revision, through: Revision, limit: Int) -> (updates: [WatchUpdate], next: Revision) {
        let last = min(through, from + Revision(limit) - 1)
        return ((from...last).map { update($0) }, last + 1)
    }
}
