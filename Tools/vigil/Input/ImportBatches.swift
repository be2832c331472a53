import Vigil

/// Groups what is imported into revisions: of `size` changes, or fewer where a key comes again, since a revision changes
/// a key once, and where the next change would make it too large.
struct ImportBatches {
    struct Batch {
        var operations: [Transaction.Operation] = []
        /// The last of its lines.
        var line = 0
    }

    let size: Int
    /// Those to which nothing can be added.
    private(set) var full: [Batch] = []
    private var open = Batch()
    private var keys: Set<Bytes> = []
    private var bytes = 0

    init(size: Int) {
        self.size = size
    }

    mutating func add(_ change: ImportedChange, line: Int) {
        if keys.contains(change.key) || bytes + change.bytes > LogOptions().transactionBytes { end() }
        open.operations.append(change.operation)
        open.line = line
        keys.insert(change.key)
        bytes += change.bytes
        if open.operations.count == size { end() }
    }

    /// Nothing is added to what is open.
    mutating func end() {
        guard !open.operations.isEmpty else { return }
        full.append(open)
        open = Batch()
        keys.removeAll(keepingCapacity: true)
        bytes = 0
    }

    mutating func takeFull() -> [Batch] {
        defer { full = [] }
        return full
    }
}
