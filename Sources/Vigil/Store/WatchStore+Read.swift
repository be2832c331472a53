public import Changes
import RevisionLog

extension WatchStore {
    /// What `key` holds now, or held at `revision`; nil if it does not exist there.
    ///
    /// - Throws: `.compacted` if `revision` is before ``earliest``, `.futureRevision` if it is after ``head``.
    public func get(_ key: Bytes, at revision: Revision? = nil) throws -> KeyValue? {
        try requireOpen()
        return try reader.get(key, at: revision)
    }

    /// What `keys` hold, in key order, all at one revision.
    ///
    /// - Throws: as ``get(_:at:)``; `.invalidArgument` for a negative limit.
    public func range(_ keys: KeyRange, _ options: RangeOptions = RangeOptions()) throws -> RangeResult {
        try requireOpen()
        if let limit = options.limit, limit < 0 {
            throw StoreError(.invalidArgument, "the limit is \(limit); it must not be negative")
        }
        var attempts = 0
        while true {
            let revision = options.revision ?? reader.head
            var collector = RangeCollector(reader: reader, keys: keys, options: options, revision: revision)
            do {
                return try collector.collect()
            } catch let error as StoreError
                where error.code == .compacted && options.revision == nil && attempts < Limits.rangeAttempts
            {
                // A compaction overtook a read of what was the newest revision: there is a newer one.
                attempts += 1
            }
        }
    }
}

/// Reads a range page by page, so that no read transaction lasts long.
private struct RangeCollector {
    let reader: LogReader
    let options: RangeOptions
    let revision: Revision
    private var lower: Bytes
    private var upper: Bytes?

    init(reader: LogReader, keys: KeyRange, options: RangeOptions, revision: Revision) {
        self.reader = reader
        self.options = options
        self.revision = revision
        lower = keys.lowerBound
        upper = keys.upperBound
    }

    mutating func collect() throws -> RangeResult {
        var keyValues: [KeyValue] = []
        let limit = options.limit ?? .max
        let contents: RangeContents = options.keysOnly ? .keys : .values
        var isAtEnd = false
        let bound = options.bytes
        var bytes = 0
        while keyValues.count < limit, bytes < bound ?? .max, !isAtEnd {
            let count = min(limit - keyValues.count, bound == nil ? .max : Limits.boundedPageKeys)
            isAtEnd = try page(limit: count, contents) { page in
                keyValues += page.keyValues
                if bound != nil { bytes += page.keyValues.reduce(0) { $0 + $1.key.count + $1.value.count } }
            }
        }
        var count = keyValues.count
        // Whether there are more is known only when one more was found; counting finds all.
        while !isAtEnd, options.counts || count == keyValues.count {
            isAtEnd = try page(limit: options.counts ? .max : 1, .countOnly) { count += $0.count }
        }
        return RangeResult(
            keyValues: keyValues, more: count > keyValues.count, count: options.counts ? count : nil,
            revision: revision)
    }

    /// Reads a page and moves on; true at the end.
    private mutating func page(limit: Int, _ contents: RangeContents, _ use: (RangePage) -> Void) throws -> Bool {
        let descending = options.order == .descending
        let page = try reader.page(
            from: lower, to: upper, at: revision, limit: limit, descending: descending, contents: contents)
        use(page)
        guard let next = page.next else { return true }
        if descending { upper = next } else { lower = next }
        return false
    }
}
