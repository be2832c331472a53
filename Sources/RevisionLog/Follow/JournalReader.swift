import Changes

/// Reads the journal of a store that another process may be writing. Frames are copied out and verified, so what is
/// overwritten meanwhile is noticed and not believed.
struct JournalReader {
    private let directory: String
    private let storeTag: UInt32
    private var segments: [SegmentFile] = []
    /// Where the next frame is expected.
    private var segment = 0
    private var offset = 0

    init(directory: String, storeTag: UInt32) throws(StoreError) {
        self.directory = directory
        self.storeTag = storeTag
        segments = try JournalScan.open(directory, readOnly: true)
    }

    /// All frames after `checkpoint`, wherever they are, through `head`; reading goes on behind them.
    mutating func scan(after checkpoint: Revision, through head: Revision, isLive: Bool) throws -> [OverlayRun] {
        segments = try JournalScan.open(directory, readOnly: true)
        let scan = try JournalScan(segments, storeTag: storeTag)
        var frames: [(header: FrameHeader, payload: [UInt8])] = []
        for frame in try scan.frames(after: checkpoint, isLive: isLive) where frame.header.lastRevision <= head {
            // A frame that a live writer has overwritten since the scan ends what can be had.
            let bytes = try segments[frame.segment].read(at: frame.offset, count: frame.end - frame.offset)
            guard let (header, payload) = Self.frame(bytes, storeTag, frame.header.firstRevision) else { break }
            frames.append((header, Array(bytes[payload])))
            segment = frame.segment
            offset = frame.end
        }
        return try JournalPayload.runs(frames.count) { [frames] in frames[$0] }
    }

    /// Makes sure that what is in the journal survives a loss of power.
    func flush() throws {
        for segment in segments { try segment.flush() }
    }

    /// The frame that begins with `revision`, if it stands where the last one ended or at the start of a segment; nil
    /// if not, and then only a scan can tell.
    mutating func next(_ revision: Revision) throws -> ChangeBatch? {
        if let batch = try read(segment, offset, revision) { return batch }
        segments = try JournalScan.open(directory, readOnly: true)
        for start in segments.indices {
            if let batch = try read(start, 0, revision) { return batch }
        }
        return nil
    }

    private mutating func read(_ index: Int, _ position: Int, _ revision: Revision) throws -> ChangeBatch? {
        guard index < segments.count else { return nil }
        var bytes = try segments[index].read(at: position, count: FrameHeader.length)
        guard let length = bytes.withUnsafeBytes({ FrameHeader.claimedLength($0, firstRevision: revision) }),
            position + length <= segments[index].length
        else { return nil }
        bytes = try segments[index].read(at: position, count: length)
        guard let (header, payload) = Self.frame(bytes, storeTag, revision) else { return nil }
        let batch = try bytes.withUnsafeBytes { try JournalPayload.decode(header, .init(rebasing: $0[payload])) }
        segment = index
        offset = position + length
        return batch
    }

    /// The frame that `bytes` are, if it is the one of `revision`.
    private static func frame(
        _ bytes: [UInt8], _ storeTag: UInt32, _ revision: Revision
    ) -> (header: FrameHeader, payload: Range<Int>)? {
        guard let found = bytes.withUnsafeBytes({ FrameHeader.read($0) }), found.header.firstRevision == revision,
            found.header.storeTag == storeTag
        else { return nil }
        return found
    }
}
