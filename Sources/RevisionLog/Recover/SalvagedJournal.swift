import Changes

/// What can be read of the journal's segments: every frame of the store whose checksum holds, wherever it stands.
struct SalvagedJournal {
    private(set) var stretches: [Stretch] = []
    /// The newest revision that a frame says was flushed.
    private(set) var flushedThrough: Revision = 0
    private(set) var damage: [String] = []
    private var segments: [SegmentFile] = []

    /// Reads the segments in `directory`. Without a tag, as when the meta entry is lost, the first frame of the first
    /// segment says which store's they are.
    init(directory: String, storeTag: UInt32?) throws(StoreError) {
        let names = try StoreDirectory.contents(directory).filter { $0.hasPrefix("journal-") && !$0.hasSuffix(".new") }
        var tag = storeTag
        var found: [(epoch: UInt64, stretch: Stretch)] = []
        for name in names.sorted() {
            do throws(StoreError) {
                guard let segment = try SegmentFile(opening: name, in: directory, readOnly: true) else { continue }
                segments.append(segment)
                let bytes = try segment.read(at: 0, count: segment.length)
                found += scan(bytes, name, &tag)
            } catch {
                damage.append("\(name): \(error.message)")
            }
        }
        // Of two frames with the same revision the one written later counts.
        var coverage = Coverage()
        for (_, frames) in Dictionary(grouping: found, by: \.epoch).sorted(by: { $0.key > $1.key }) {
            coverage.fill(frames.map(\.stretch))
        }
        stretches = coverage.pieces.map { Stretch(first: $0.from, last: $0.to, source: $0.stretch.source) }
    }

    private mutating func scan(
        _ bytes: [UInt8], _ name: String, _ tag: inout UInt32?
    ) -> [(epoch: UInt64, stretch: Stretch)] {
        var found: [(epoch: UInt64, stretch: Stretch)] = []
        let segment = segments.count - 1
        bytes.withUnsafeBytes { bytes in
            var offset = 0
            while offset + FrameHeader.length <= bytes.count {
                guard let (header, payload) = FrameHeader.read(.init(rebasing: bytes[offset...])),
                    header.storeTag == tag ?? header.storeTag
                else {
                    offset = FrameHeader.nextMagic(bytes, from: offset + 8) ?? bytes.count
                    continue
                }
                tag = header.storeTag
                let end = offset + FrameHeader.frameLength(payload.count)
                let content = UnsafeRawBufferPointer(
                    rebasing: bytes[offset...][(offset + payload.lowerBound)..<(offset + payload.upperBound)])
                if (try? JournalPayload.decode(header, content)) == nil {
                    damage.append("\(name), frame at byte \(offset): is not what its checksum says")
                } else {
                    flushedThrough = max(flushedThrough, header.flushedThrough)
                    let source = Stretch.Source.frame(segment: segment, offset..<min(end, bytes.count))
                    found.append(
                        (header.epoch, Stretch(first: header.firstRevision, last: header.lastRevision, source: source)))
                }
                offset = end
            }
        }
        return found
    }

    /// The batch of a frame found before.
    func batch(segment: Int, _ place: Range<Int>) throws(StoreError) -> ChangeBatch {
        let bytes = try segments[segment].read(at: place.lowerBound, count: place.count)
        let result: Result<ChangeBatch, StoreError> = bytes.withUnsafeBytes { bytes in
            guard let (header, payload) = FrameHeader.read(bytes) else {
                return .failure(StoreError(.damaged, "\(segments[segment].name): a frame changed while it was read"))
            }
            do throws(StoreError) {
                return .success(try JournalPayload.decode(header, .init(rebasing: bytes[payload])))
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }
}
