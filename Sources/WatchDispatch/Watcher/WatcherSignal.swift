package import Changes

/// What happens when a watcher's buffer is full.
public enum OverflowPolicy: Sendable, Hashable {
    /// What does not fit is lost, and a gap stands in its place.
    case drop
    /// The watcher is parked: nothing more is offered to it, so it costs nothing. Its reader, who has a log, learns the
    /// first revision that did not fit and rejoins when it has read on from there.
    case park
    /// The watcher ends, telling the first revision that did not fit.
    case cancel
}

/// What the dispatcher tells the reader of one watcher, in order.
package enum WatcherSignal: Sendable {
    /// Updates after this revision come through the buffer; those up to it do not. Once after each registration.
    case joined(through: Revision)
    case update(WatchUpdate)
    /// Updates of these revisions may have been lost.
    case gap(from: Revision, through: Revision)
    /// Everything up to this revision was offered before.
    case progress(Revision)
    /// The buffer was full at this revision; nothing comes until the reader rejoins.
    case parked(from: Revision)
    /// The buffer was full at this revision; nothing comes any more.
    case overflowed(from: Revision)
    case ended
}
