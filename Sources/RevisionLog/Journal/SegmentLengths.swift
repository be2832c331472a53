/// How long the journal's segments are made, and how many there may be.
///
/// A segment is filled with zeros before it is used, so one that is never written costs as much disk as one that is. A
/// store with little in it gets along with short ones.
struct SegmentLengths: Sendable {
    /// Bytes of the first.
    var first: Int
    /// Bytes of the longest.
    var longest: Int
    var maximumCount: Int

    /// Bytes of the one that is made when those of `lengths` are not enough. The last one is as long as may be.
    func next(_ lengths: [Int]) -> Int {
        let before = max(first, lengths.max() ?? 0)
        // A file may claim any length: it is not multiplied before that is known to be small.
        if lengths.count >= maximumCount - 1 || before >= longest / Limits.segmentGrowth { return longest }
        return before * Limits.segmentGrowth
    }
}

extension SegmentLengths {
    init(_ options: LogOptions) {
        self.init(
            first: min(options.firstSegmentBytes, options.segmentBytes), longest: options.segmentBytes,
            maximumCount: options.segments)
    }
}
