/// What a watch wants to see: keys in a range, and puts, deletes or both.
///
/// A class, so that each update delivered refers to it with one pointer.
public final class WatchFilter: Sendable {
    /// The keys that are wanted.
    public let keys: KeyRange
    /// The types of change that are wanted.
    public let types: WatchTypes

    /// Wants changes of these types to these keys.
    public init(keys: KeyRange, types: WatchTypes = .all) {
        self.keys = keys
        self.types = types
    }

    /// Whether every change there can be is wanted.
    package var isEverything: Bool {
        guard types == .all else { return false }
        switch keys {
        case .prefix(let start), .from(let start): return start.isEmpty
        case .key, .range: return false
        }
    }

    /// Whether entry `index` of `batch` is wanted.
    @inlinable
    public func matches(_ batch: ChangeBatch, _ index: Int) -> Bool {
        types.contains(batch.entries[index].type) && batch.withKey(index) { keys.contains($0) }
    }

    /// Whether any change of the update's revision is wanted.
    @inlinable
    public func matches(_ update: WatchUpdate) -> Bool {
        update.batch.entryIndices(ofRecord: Int(update.record)).contains { matches(update.batch, $0) }
    }

    /// Calls `body` with what says whether an entry of `batch` is wanted, for who asks about many; that must not leave it.
    @inlinable
    package func withMatches<R>(in batch: ChangeBatch, _ body: ((Int) -> Bool) throws -> R) rethrows -> R {
        try keys.withMatcher { keys in
            try batch.storage.withUnsafeBytes { storage in
                try batch.entries.withUnsafeBufferPointer { entries in
                    try body { index in
                        let entry = entries[index]
                        let start = Int(entry.keyOffset)
                        return types.contains(entry.type)
                            && keys.contains(.init(rebasing: storage[start..<start + Int(entry.keyLength)]))
                    }
                }
            }
        }
    }
}

/// Which types of change a watch delivers.
public enum WatchTypes: Sendable, Hashable {
    case all, puts, deletes

    /// Whether changes of this type are delivered.
    @inlinable
    public func contains(_ type: WatchEventType) -> Bool {
        switch self {
        case .all: true
        case .puts: type == .put
        case .deletes: type == .delete
        }
    }
}
