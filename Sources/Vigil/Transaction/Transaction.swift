public import Changes

/// Changes that happen together, as one revision, if all comparisons hold; otherwise others do.
///
/// ```swift
/// let result = try await store.transaction(
///     Transaction(
///         when: [.version(of: "lock", .equal, 0)],
///         then: [.put("lock", "me")],
///         otherwise: [.get("lock")]))
/// print(result.succeeded, result.revision)
/// ```
///
/// No key may be changed twice by the branch that runs. A branch that changes nothing takes no revision. Transactions may
/// be steps of others: all comparisons, theirs too, are answered before anything is changed. What the steps that will run
/// need is looked at before, too: first that keys to be put once more exist, then that past revisions to be read are
/// retained.
public struct Transaction: Sendable {
    /// All must hold for `success` to run.
    public var comparisons: [Comparison]
    /// The steps if all comparisons hold.
    public var success: [Operation]
    /// The steps if one does not.
    public var failure: [Operation]

    /// `success` if all `comparisons` hold, else `failure`.
    public init(when comparisons: [Comparison] = [], then success: [Operation], otherwise failure: [Operation] = []) {
        self.comparisons = comparisons
        self.success = success
        self.failure = failure
    }

    /// A question about one key, or about every key of a range, answered before the transaction changes anything. A range
    /// without keys is asked as a key that does not exist.
    public struct Comparison: Sendable {
        /// How what is stored has to stand to what is given: `.less` holds if the stored is less.
        public enum Relation: Sendable { case equal, notEqual, less, greater }

        /// What is compared, and with what.
        public enum Target: Sendable {
            /// The value; holds for no key that does not exist.
            case value(Bytes)
            /// The number of puts since the key was created.
            case version(Int64)
            /// The revision that created the key.
            case createRevision(Revision)
            /// The revision that changed the key last.
            case modRevision(Revision)
            /// The lease that the key is attached to.
            case lease(Int64)
        }

        /// The keys in question.
        public var keys: KeyRange
        /// How the stored has to stand to the given.
        public var relation: Relation
        /// What is compared, and with what.
        public var target: Target

        /// See the functions below, which read better.
        public init(key: Bytes, _ relation: Relation, _ target: Target) {
            self.init(all: .key(key), relation, target)
        }

        /// Holds if it does for each of `keys`.
        public init(all keys: KeyRange, _ relation: Relation, _ target: Target) {
            self.keys = keys
            self.relation = relation
            self.target = target
        }

        /// Compares the value. Never holds for a key that does not exist, whatever the relation.
        public static func value(of key: Bytes, _ relation: Relation, _ value: Bytes) -> Comparison {
            Comparison(key: key, relation, .value(value))
        }

        /// Compares the number of puts since the key was created; 0 if it does not exist.
        public static func version(of key: Bytes, _ relation: Relation, _ version: Int64) -> Comparison {
            Comparison(key: key, relation, .version(version))
        }

        /// Compares the revision that created the key; 0 if it does not exist.
        public static func createRevision(of key: Bytes, _ relation: Relation, _ revision: Revision) -> Comparison {
            Comparison(key: key, relation, .createRevision(revision))
        }

        /// Compares the revision that changed the key last; 0 if it does not exist.
        public static func modRevision(of key: Bytes, _ relation: Relation, _ revision: Revision) -> Comparison {
            Comparison(key: key, relation, .modRevision(revision))
        }
    }

    /// One step of a branch. Reads see the changes of the steps before them.
    public enum Operation: Sendable {
        /// Puts a value under a key, and attaches the key to a lease, or to none.
        case put(Bytes, Bytes, lease: LeaseAttachment = .none)
        /// Deletes a key, if it is there.
        case delete(Bytes)
        /// Deletes all keys of a range. What they held is read and told only if it `returnsPrevious`.
        case deleteRange(KeyRange, returnsPrevious: Bool = true)
        /// Reads a key: a range of one or none.
        case get(Bytes)
        /// Reads a range, at most `limit` keys of it: as the steps before left it, or as it was at a revision, which is
        /// refused with `.compacted` or `.futureRevision` as ``WatchStore/range(_:_:)`` does.
        case range(KeyRange, limit: Int? = nil, at: Revision? = nil)
        /// Puts what the key holds once more, which must be something: `.keyNotFound` otherwise.
        case rewrite(Bytes, lease: LeaseAttachment = .none)
        /// Runs one of the branches of another transaction.
        indirect case transaction(Transaction)
    }
}

/// What a transaction did.
public struct TransactionResult: Sendable {
    /// What one step did.
    public enum Output: Sendable {
        /// The value before, if there was one.
        case put(previous: KeyValue?)
        /// How many keys were deleted, and what they held, in key order, if that is to be returned.
        case delete(count: Int, previous: [KeyValue])
        /// What was read, in key order.
        case range([KeyValue])
        /// Which branch of a transaction within this one ran, and what its steps did.
        indirect case transaction(succeeded: Bool, outputs: [Output])
    }

    /// Whether the comparisons held, and so `then` ran.
    public var succeeded: Bool
    /// The revision of the changes; the newest one before, if nothing was changed.
    public var revision: Revision
    /// Whether anything was changed.
    public var changed: Bool
    /// For each step of the branch that ran, what it did.
    public var outputs: [Output]
}

/// What a delete did.
public struct DeleteResult: Sendable, Hashable {
    /// The revision of the delete; nil if there was nothing to delete, which takes none.
    public var revision: Revision?
    /// How many keys were deleted.
    public var deleted: Int

    /// A result, as a test may make it.
    public init(revision: Revision?, deleted: Int) {
        self.revision = revision
        self.deleted = deleted
    }
}
