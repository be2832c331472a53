public import Changes

/// What went wrong, in words for a person, and as values for a program.
///
/// ```swift
/// do {
///     try store.get("a", at: 3)
/// } catch let error as StoreError where error.code == .compacted {
///     print("start again from revision \(error.earliest!)")
/// }
/// ```
public struct StoreError: Error, Sendable, Hashable {
    /// What kind of error. More kinds may come, so a `switch` over it needs a `default`.
    public struct Code: Sendable, Hashable, CustomStringConvertible {
        /// Its name, as in `future_revision`.
        public let description: String

        /// The code of this name, also if it is not one of those below: another program may know more.
        package init(description: String) {
            self.description = description
        }

        /// The revision asked for is older than the retained history; `earliest` says what there is.
        public static let compacted = Code(description: "compacted")
        /// The revision asked for has not been made yet; `head` says how far the store is.
        public static let futureRevision = Code(description: "future_revision")
        /// A key is empty or longer than the limit.
        public static let invalidKey = Code(description: "invalid_key")
        /// A transaction, value or request is over its limit.
        public static let tooLarge = Code(description: "too_large")
        /// A transaction changes the same key twice.
        public static let duplicateKey = Code(description: "duplicate_key")
        /// A write needs a key to be there, and it is not.
        public static let keyNotFound = Code(description: "key_not_found")
        /// An argument makes no sense; the message says which.
        public static let invalidArgument = Code(description: "invalid_argument")
        /// Another process has the store open for writing.
        public static let locked = Code(description: "locked")
        /// There is no store here, or what is here is not one.
        public static let notAStore = Code(description: "not_a_store")
        /// The store was written by a newer format than this library knows; or became of another one while it was followed,
        /// and has to be opened again.
        public static let unsupportedFormat = Code(description: "unsupported_format")
        /// What was read from disk contradicts its checksum or another part of the store.
        public static let damaged = Code(description: "damaged")
        /// The store was opened for reading, or has stopped writing after a failed flush.
        public static let readOnly = Code(description: "read_only")
        /// The store is closed.
        public static let closed = Code(description: "closed")
        /// No room on the disk, and none left in the journal.
        public static let full = Code(description: "full")
        /// More waits than the store lets wait; try again when some has finished.
        public static let busy = Code(description: "busy")
        /// The operating system or LMDB failed; the message has its words.
        public static let io = Code(description: "io")
        /// A watch with the policy `.cancel` fell behind; resume it from `resume`.
        public static let watcherTooSlow = Code(description: "watcher_too_slow")
        /// There is no cursor of this name, or it was removed while a watch used it.
        public static let cursorNotFound = Code(description: "cursor_not_found")
        /// This process has a watch that uses the cursor already.
        public static let cursorInUse = Code(description: "cursor_in_use")
        /// The cursor was set by hand while a watch used it; a new watch begins where it is now.
        public static let cursorMoved = Code(description: "cursor_moved")
        /// The cursor held history beyond its bound, and its choice for that is to fail; set it to use it again.
        public static let cursorFailed = Code(description: "cursor_failed")
        /// There is no lease of this id, or its time is over.
        public static let leaseNotFound = Code(description: "lease_not_found")
        /// A lease was to be granted under the id of another.
        public static let leaseExists = Code(description: "lease_exists")
        /// A cursor holds the history that was to be compacted; the message names it, `earliest` is what it needs.
        public static let held = Code(description: "held")
    }

    /// What to decide by.
    public var code: Code
    /// What was wrong, the value, the limit and what to do.
    public var message: String
    /// The revision that was asked for, where there was one.
    public var requested: Revision?
    /// The earliest revision that can be had, with `.compacted`.
    public var earliest: Revision?
    /// The last revision that the store has, with `.futureRevision`.
    public var head: Revision?
    /// The revision to resume a watch from, with `.watcherTooSlow`.
    public var resume: Revision?

    /// An error without revisions.
    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// A compaction through `requested`, before which nothing is retained.
    package static func compactedAlready(requested: Revision, earliest: Revision) -> StoreError {
        var error = compacted(requested: requested, earliest: earliest)
        error.message = "what is before revision \(earliest) was compacted already; name a later one"
        return error
    }

    /// The history before `earliest` is gone.
    public static func compacted(requested: Revision, earliest: Revision) -> StoreError {
        var error = StoreError(
            .compacted, "revision \(requested) has been compacted; the earliest available is \(earliest)")
        error.requested = requested
        error.earliest = earliest
        return error
    }

    /// The store has not come that far.
    public static func future(requested: Revision, head: Revision) -> StoreError {
        var error = StoreError(
            .futureRevision, "revision \(requested) is in the future; the newest is \(head)")
        error.requested = requested
        error.head = head
        return error
    }
}

extension StoreError: CustomStringConvertible {
    /// Code and message.
    public var description: String { "\(code): \(message)" }
}
