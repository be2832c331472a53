import Changes

/// What one segment holds.
///
/// Read from the start, frame after frame, while they are valid and their epochs do not fall: a frame with a lower epoch
/// than the one before it is left from an earlier use of the segment. What follows the first place where that ends is
/// searched too, but valid frames there count only as witnesses: of what had been flushed, and of epochs in use.
struct SegmentScan {
    /// Frames that follow each other, of one epoch and with consecutive revisions.
    struct Run: Hashable {
        var segment: Int
        var start: Int
        var end: Int
        var epoch: UInt64
        var first: Revision
        var last: Revision
    }

    /// A frame that says that everything through `revision` had been flushed.
    struct Witness: Hashable {
        var segment: Int
        var offset: Int
        var revision: Revision
    }

    var runs: [Run] = []
    /// Where the frames that count end.
    var end = 0
    var highestEpoch: UInt64 = 0
    /// The frame with the highest claim.
    var witness: Witness?

    /// - Throws: `damaged` if a frame that counts is of another store.
    init(segment: Int, _ bytes: UnsafeRawBufferPointer, storeTag: UInt32, name: String) throws {
        scanning: while end < bytes.count {
            switch Frame.parse(bytes, at: end, storeTag: storeTag) {
            case .frame(let header, _):
                if let last = runs.last, header.epoch < last.epoch { break scanning }
                add(header, segment)
                see(header, segment, end)
                end += header.frameBytes
            case .foreign(let header):
                throw StoreError(
                    .damaged,
                    "\(name), byte \(end): a valid frame of another store (tag \(header.storeTag) instead of \(storeTag)); "
                        + "the directory mixes the files of two stores")
            case .none:
                break scanning
            }
        }
        var offset = end
        while offset + Frame.headerBytes <= bytes.count {
            guard Frame.load(bytes, offset, UInt32.self) == Frame.magic,
                case .frame(let header, _) = Frame.parse(bytes, at: offset, storeTag: storeTag)
            else {
                offset += 8
                continue
            }
            see(header, segment, offset)
            offset += header.frameBytes
        }
    }

    private mutating func add(_ header: FrameHeader, _ segment: Int) {
        if let last = runs.last, last.epoch == header.epoch, last.last + 1 == header.firstRevision {
            runs[runs.count - 1].last = header.lastRevision
            runs[runs.count - 1].end = end + header.frameBytes
        } else {
            runs.append(
                Run(
                    segment: segment, start: end, end: end + header.frameBytes, epoch: header.epoch,
                    first: header.firstRevision, last: header.lastRevision))
        }
    }

    private mutating func see(_ header: FrameHeader, _ segment: Int, _ offset: Int) {
        highestEpoch = max(highestEpoch, header.epoch)
        if header.flushedThrough > witness?.revision ?? -1 {
            witness = Witness(segment: segment, offset: offset, revision: header.flushedThrough)
        }
    }
}
