import Changes
import Threads

/// A batch as a journal frame carries it: its records, compressed if that helps.
struct JournalPayload {
    let header: FrameHeader
    let bytes: [UInt8]

    init(_ batch: ChangeBatch) {
        let isWorthIt = batch.storage.count >= Limits.compressibleFrameBytes
        let compressed = isWorthIt ? batch.storage.withUnsafeBytes { Compression.compress($0) } : nil
        bytes = compressed ?? batch.storage
        header = FrameHeader(
            codec: compressed == nil ? StoredBlock.Codec.raw.rawValue : StoredBlock.Codec.lz4.rawValue,
            rawLength: batch.storage.count, firstRevision: batch.firstRevision, recordCount: batch.recordCount,
            milliseconds: batch.commitTime(ofRecord: 0))
    }

    /// What `count` frames hold, in order, got and decoded by all processors: few runs, each of the batches of neighbours.
    static func runs(
        _ count: Int, _ frame: @escaping @Sendable (Int) throws -> (header: FrameHeader, payload: [UInt8])
    ) throws -> [OverlayRun] {
        guard count > 0 else { return [] }
        return try inParallel(count, least: Limits.framesPerThread) { part in
            try OverlayRun(count: part.count) { number in
                let (header, payload) = try frame(part.lowerBound + number)
                return try payload.withUnsafeBytes { try decode(header, $0) }
            }
        }
    }

    /// The batch that a frame holds. The journal has verified the checksum.
    static func decode(_ frame: FrameHeader, _ payload: UnsafeRawBufferPointer) throws(StoreError) -> ChangeBatch {
        do throws(Malformed) {
            guard let codec = StoredBlock.Codec(rawValue: frame.codec) else {
                throw Malformed("unknown codec \(frame.codec)")
            }
            let raw = try Compression.expand(payload, codec: codec, rawLength: frame.rawLength)
            return try RecordDecoder.decode(
                raw, from: 0, firstRevision: frame.firstRevision, recordCount: frame.recordCount, changeCount: 0,
                commitTimes: [.init(record: 0, milliseconds: frame.milliseconds)])
        } catch {
            throw StoreError(
                .damaged, "journal frame of revision \(frame.firstRevision) has a valid checksum but \(error.reason)")
        }
    }
}
