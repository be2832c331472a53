public import Changes

/// Where the dispatcher reads the updates that its queue had no room for.
public protocol UpdateSource: Sendable {
    /// Updates of all keys from revision `from` on, whole and in order, through `through` at most, about `limit` of them;
    /// and the revision after the last that was read. Called by the dispatcher.
    func updates(from: Revision, through: Revision, limit: Int) throws -> (updates: [WatchUpdate], next: Revision)
}
