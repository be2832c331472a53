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
    mutating func scan(after checkpoint: Revision, through head: Revision, isLive: Bool) throws -> [ChangeBatch] {
        segments = try JournalScan.open(directory, readOnly: true)
        let scan = try JournalScan(segments, storeTag: storeTag)
        var batches: [ChangeBatch] = []
        for frame in try scan.frames(after: checkpoint, isLive: isLive) where frame.header.lastRevision <= head {
            // A frame that a live writer has overwritten since the scan ends what can be had.
            let bytes = try segments[frame.segment].read(at: frame.offset, count: frame.end - frame.offset)
            guard let batch = try Self.decode(bytes, storeTag, frame.header.firstRevision) else { break }
            batches.append(batch)
            segment = frame.segment
            offset = frame.end
        }
        return batches
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
        guard let batch = try Self.decode(bytes, storeTag, revision) else { return nil }
        segment = index
        offset = position + length
        return batch
    }

    private static func decode(_ bytes: [UInt8], _ storeTag: UInt32, _ revision: Revision) throws -> ChangeBatch? {
        try bytes.withUnsafeBytes { bytes in
            guard let (header, payload) = FrameHeader.read(bytes), header.firstRevision == revision,
                header.storeTag == storeTag
            else { return nil }
            return try JournalPayload.decode(header, UnsafeRawBufferPointer(rebasing: bytes[payload]))
        }
    }
}
