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

    /// Bytes of one that is made, beside those of `lengths`, for a frame of `frame` bytes: one that is longer than any
    /// segment should be has one of its own.
    func next(_ lengths: [Int], for frame: Int) -> Int {
        let next = next(lengths)
        if frame <= next { return next }
        let block = Limits.directBlockBytes
        return max(longest, (frame + block - 1) / block * block)
    }

    /// Whether a frame of `frame` bytes may begin a segment of `length`: it has room, and if the segment was made for a
    /// longer one, the frame is another of these. Such a segment is not kept for more, since opening a store reads all.
    func suits(_ length: Int, for frame: Int) -> Bool {
        frame <= length && (length <= longest || frame > longest)
    }

    /// Whether a segment of `length` was made for one frame.
    func isOverlong(_ length: Int) -> Bool { length > longest }
}

extension SegmentLengths {
    init(_ options: LogOptions) {
        self.init(
            first: min(options.firstSegmentBytes, options.segmentBytes), longest: options.segmentBytes,
            maximumCount: options.segments)
    }
}
