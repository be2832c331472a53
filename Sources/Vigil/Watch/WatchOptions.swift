public import Changes
public import RevisionLog

/// Where a watch begins.
public enum WatchStart: Sendable, Hashable {
    /// With the next change after the call.
    case now
    /// With this revision, from the log; if it has not been made yet, the watch waits for it.
    case revision(Revision)
    /// With the oldest revision that is retained. Cannot lose a race with a compaction.
    case earliest
    /// With the last so many revisions, or all that are retained if they are fewer; 0 is ``now``. Cannot lose a race with a
    /// compaction either.
    case last(Int)
    /// With the first revision that was committed at this time or later, in milliseconds since 1970 (UTC): see
    /// ``WatchStore/firstRevision(atOrAfter:)``. Before the first revision of all that is the first; where the history of
    /// that time is compacted, the watch fails with `.compacted`; in the future it is ``now``.
    case time(milliseconds: Int64)
    /// With what the keys hold now (``WatchElement/state(_:)``, in key order), then ``WatchElement/synced(_:)``, then
    /// every change after that revision.
    case snapshot
    /// With the first revision that the cursor of this name has not acknowledged, after any crash and in any process;
    /// if there is no such cursor yet, with ``CursorOptions/first``. See <doc:Cursors>.
    case cursor(String)
}

/// How a watch uses the cursor that it starts from.
public struct CursorOptions: Sendable, Hashable {
    /// When an element counts as handled.
    public enum Acknowledgement: Sendable, Hashable {
        /// When the next one is asked for.
        case automatic
        /// When ``Watch/acknowledge(_:)`` says so.
        case explicit
    }

    /// Where the watch starts if there is no such cursor yet; anything but another cursor. With
    /// ``WatchStart/snapshot`` the cursor comes to be when ``WatchElement/synced(_:)`` was handled: what ends before
    /// that begins with the state again. Otherwise it is stored before the first element is delivered.
    public var first: WatchStart = .earliest
    /// When an element counts as handled.
    public var acknowledgement: Acknowledgement = .automatic
    /// How much history a new cursor holds, nil for none. What one holds that exists,
    /// ``WatchStore/setCursor(_:hold:)`` changes.
    public var hold: CursorHold?

    /// From the oldest revision that is retained; acknowledged automatically; holding nothing.
    public init(first: WatchStart = .earliest, acknowledgement: Acknowledgement = .automatic, hold: CursorHold? = nil) {
        self.first = first
        self.acknowledgement = acknowledgement
        self.hold = hold
    }
}

/// What happens when a watch is read more slowly than its keys change.
public enum WatchPolicy: Sendable, Hashable {
    /// Nothing is lost: the watch is parked, reads what it missed from the log at its own pace, and rejoins.
    case replay
    /// As `replay`, but of the changes missed only the newest of each key is delivered.
    case latest
    /// What does not fit is lost, and ``WatchElement/gap(from:through:)`` says so.
    case drop
    /// The watch ends with ``StoreError/Code/watcherTooSlow``, which carries the revision to resume from.
    case cancel
}

/// How a watch behaves.
public struct WatchOptions: Sendable {
    /// What happens when the watch is read too slowly.
    public var policy: WatchPolicy = .replay
    /// Puts, deletes, or both.
    public var types: WatchTypes = .all
    /// Whether each event carries what its key held before.
    public var previousValues = false
    /// Live updates that may wait to be read, before `policy` decides. One of `WatchConfig.sizes`; nil for the
    /// store's setting.
    public var bufferSize: Int?
    /// For a watch that starts from a cursor.
    public var cursor = CursorOptions()

    /// The defaults lose nothing and deliver everything.
    public init(
        policy: WatchPolicy = .replay, types: WatchTypes = .all, previousValues: Bool = false, bufferSize: Int? = nil,
        cursor: CursorOptions = CursorOptions()
    ) {
        self.policy = policy
        self.types = types
        self.previousValues = previousValues
        self.bufferSize = bufferSize
        self.cursor = cursor
    }
}

/// One element of a watch.
public enum WatchElement: Sendable {
    /// All changes of one revision that the watch asked for.
    case update(WatchUpdate)
    /// A page of what the keys hold, at the start of a watch from ``WatchStart/snapshot``.
    case state([KeyValue])
    /// The state is complete; what follows are the changes after this revision.
    case synced(Revision)
    /// Everything up to this revision was delivered. Comes after each catch-up and on request; from a cursor also now
    /// and then, when other keys have changed, so that the cursor moves on.
    case progress(Revision)
    /// Updates of these revisions may be missing (policy `drop` only).
    case gap(from: Revision, through: Revision)
}
