import Vigil

/// What may be done with the keys of a range.
struct Permission: Sendable, Hashable {
    enum Kind: Sendable, Hashable {
        case read
        case write
        case readWrite
    }

    var kind: Kind
    /// As it was granted, since it is revoked by the same words: `end` is empty for one key, and a zero byte for
    /// everything from `key` on.
    var key: Bytes
    var end: Bytes

    var range: KeyRange { KeyRange(key: key, end: end) }

    /// Whether it grants nothing, since no key is in its range.
    var isEmpty: Bool { range.isEmpty || range == .key(Bytes()) }
}

extension KeyRange {
    /// A range as etcd names it: no end is that one key, an end of one zero byte is everything from the key on.
    init(key: Bytes, end: Bytes) {
        if end.isEmpty {
            self = .key(key)
        } else if end.count == 1, end[0] == 0 {
            self = .from(key)
        } else {
            self = .range(key, end)
        }
    }
}

/// All that a user may do.
struct Permissions: Sendable, Equatable {
    /// The user has the role root, and may do everything.
    var isRoot = false
    private var reads = KeySet()
    private var writes = KeySet()

    /// None.
    init() {}

    init(isRoot: Bool, _ permissions: [Permission]) {
        self.isRoot = isRoot
        guard !isRoot else { return }
        reads = KeySet(permissions.filter { $0.kind != .write }.map(\.range))
        writes = KeySet(permissions.filter { $0.kind != .read }.map(\.range))
    }

    func mayRead(_ keys: KeyRange) -> Bool { isRoot || reads.covers(keys) }

    func mayWrite(_ keys: KeyRange) -> Bool { isRoot || writes.covers(keys) }
}
