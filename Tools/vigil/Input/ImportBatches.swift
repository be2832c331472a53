import Vigil

/// Groups what is imported into revisions. Lines that name a revision are grouped by it. Others are grouped by `size`, or
/// fewer where a key comes again, since a revision changes a key once, and where the next change would make it too large.
struct ImportBatches {
    struct Batch {
        var operations: [Transaction.Operation] = []
        /// The last of its lines.
        var line = 0
    }

    /// Lines in one revision, of those that name none; nil if that was not asked for.
    let size: Int?
    /// Only lines of revisions in between are taken; nil takes those without one, too.
    let revisions: ClosedRange<Revision>?
    /// Those to which nothing can be added.
    private(set) var full: [Batch] = []
    private var open = Batch()
    private var keys: Set<Bytes> = []
    private var bytes = 0
    private var isFirst = true
    private var revision: Revision?

    init(size: Int?, revisions: ClosedRange<Revision>?) {
        self.size = size
        self.revisions = revisions
    }

    /// - Throws: `InputError` if the line does not follow the one before.
    mutating func add(_ change: ImportedChange, line: Int) throws {
        try requireOrder(change, line)
        revision = change.revision
        isFirst = false
        if let revisions, !revisions.contains(revision!) { return }
        if revision == nil, keys.contains(change.key) || bytes + change.bytes > LogOptions().transactionBytes { end() }
        guard keys.insert(change.key).inserted else {
            throw InputError("line \(line): the key comes twice in revision \(revision!)")
        }
        open.operations.append(change.operation)
        open.line = line
        bytes += change.bytes
        if revision == nil, open.operations.count == size ?? 1 { end() }
    }

    private mutating func requireOrder(_ change: ImportedChange, _ line: Int) throws {
        if !isFirst, (revision == nil) != (change.revision == nil) {
            throw InputError("line \(line): either all lines have a \"revision\" or none")
        }
        guard let next = change.revision else {
            if revisions != nil { throw InputError("line \(line): no \"revision\", by which --from and --to choose") }
            return
        }
        if size != nil { throw InputError("line \(line): has a \"revision\", and --batch is for lines that have none") }
        guard let revision, next != revision else { return }
        if next < revision { throw InputError("line \(line): revision \(next) comes after \(revision)") }
        end()
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
