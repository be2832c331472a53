import Vigil

/// A set of keys, as spans that neither overlap nor touch, in order. So a range that several grants cover only together
/// lies within one span.
struct KeySet: Sendable, Equatable {
    fileprivate struct Span: Sendable, Equatable {
        var start: Bytes
        /// Not included; nil if there is no end.
        var end: Bytes?
    }

    private var spans: [Span] = []

    /// The keys that are in any of the ranges.
    init(_ ranges: [KeyRange] = []) {
        let sorted = ranges.compactMap(Span.init).sorted { $0.start < $1.start }
        for span in sorted {
            guard let last = spans.last, last.reaches(span.start) else {
                spans.append(span)
                continue
            }
            if last.isWithin(span.end) { spans[spans.count - 1].end = span.end }
        }
    }

    /// Whether every key of the range is in the set. As etcd has it, a range that ends where it begins, and so has none,
    /// has to begin at a key of the set; of one that ends before it begins the answer is no.
    func covers(_ range: KeyRange) -> Bool {
        let isPoint = range.upperBound == range.lowerBound
        guard let wanted = Span(isPoint ? .key(range.lowerBound) : range) else { return false }
        // The last span that begins at the range's beginning or before.
        var low = 0
        var high = spans.count
        while low < high {
            let middle = (low + high) / 2
            if spans[middle].start <= wanted.start { low = middle + 1 } else { high = middle }
        }
        return low > 0 && wanted.isWithin(spans[low - 1].end)
    }
}

extension KeySet.Span {
    /// Nil if no key can be in the range.
    fileprivate init?(_ range: KeyRange) {
        // There is no empty key: the smallest is a zero byte.
        let start = range.lowerBound.isEmpty ? Bytes([0]) : range.lowerBound
        let end = range.upperBound
        if let end, end <= start { return nil }
        self.init(start: start, end: end)
    }

    /// Whether what begins at `start` overlaps or touches this, which begins before.
    fileprivate func reaches(_ start: Bytes) -> Bool {
        end.map { start <= $0 } ?? true
    }

    /// Whether it ends at `other` or before.
    fileprivate func isWithin(_ other: Bytes?) -> Bool {
        guard let other else { return true }
        return end.map { $0 <= other } ?? false
    }
}
