import Changes
import LMDB

extension Journal {
    /// What became of an append.
    enum Appended: Sendable { case written, noRoom }

    private enum Plan {
        case write(Position, JournalFile, epoch: UInt64, flushedThrough: Revision)
        case create
        case noRoom
    }

    /// Writes a frame, with one call to the system. It is durable after the next ``flush()``.
    ///
    /// - Parameters:
    ///   - header: codec, raw length, revisions and time; the journal fills in the rest. Its first revision must be the one
    ///     after the last frame's.
    ///   - payload: at most ``maximumPayloadBytes``.
    /// - Returns: `noRoom` if all segments are full of what the checkpoint has not passed: call again after a checkpoint.
    /// - Throws: `tooLarge`; `io` or `full` if the write fails, and then `readOnly` for ever.
    func append(_ header: FrameHeader, _ payload: UnsafeRawBufferPointer) throws -> Appended {
        guard payload.count <= maximumPayloadBytes else {
            throw StoreError(
                .tooLarge,
                "a commit of \(payload.count) bytes does not fit a segment of the journal, which takes "
                    + "\(maximumPayloadBytes); write less at once")
        }
        return try buffer.withLock { buffer in
            while true {
                switch try state.withLock({ state in try plan(header, payload.count, &state) }) {
                case .write(let position, let file, let epoch, let flushedThrough):
                    var header = header
                    header.epoch = epoch
                    header.storedBytes = payload.count
                    header.storeTag = options.storeTag
                    header.flushedThrough = flushedThrough
                    try write(header, payload, &buffer, position, file)
                    return .written
                case .create:
                    guard try makeSegment() else { return .noRoom }
                case .noRoom:
                    return .noRoom
                }
            }
        }
    }

    /// Whether a payload of `bytes` would be written now, and not have to wait for a checkpoint.
    func hasRoom(for bytes: Int) -> Bool {
        state.withLock { state in
            if let position = state.position,
                position.offset + Frame.byteCount(payload: bytes) <= options.segmentBytes
            {
                return true
            }
            return state.freeSegment != nil || (state.segments.count < options.maximumSegments && !state.noSpace)
        }
    }

    private func plan(_ header: FrameHeader, _ payloadBytes: Int, _ state: inout State) throws -> Plan {
        if let failure = state.failure { throw failure }
        precondition(header.firstRevision == state.head + 1, "frames must follow each other")
        if state.position.map({ $0.offset + Frame.byteCount(payload: payloadBytes) > options.segmentBytes }) ?? true {
            guard let free = state.freeSegment else {
                return state.segments.count < options.maximumSegments && !state.noSpace ? .create : .noRoom
            }
            state.position = Position(segment: free, offset: 0)
            state.epoch += 1
        }
        let position = state.position!
        return .write(
            position, state.segments[position.segment]!.file, epoch: state.epoch, flushedThrough: state.flushedThrough)
    }

    private func write(
        _ header: FrameHeader, _ payload: UnsafeRawBufferPointer, _ buffer: inout [UInt8], _ position: Position,
        _ file: JournalFile
    ) throws {
        let count = header.frameBytes
        if buffer.count < count { buffer = [UInt8](repeating: 0, count: max(count, 64 << 10)) }
        try failing(.write, file) {
            try buffer.withUnsafeMutableBytes { memory in
                let frame = UnsafeMutableRawBufferPointer(rebasing: memory[..<count])
                Frame.write(header, payload, to: frame)
                try file.write(UnsafeRawBufferPointer(frame), at: position.offset)
            }
        }
        state.withLock { state in
            state.position = Position(segment: position.segment, offset: position.offset + count)
            state.segments[position.segment]!.lastRevision = header.lastRevision
            state.unflushed.insert(position.segment)
            state.head = header.lastRevision
        }
    }

    /// Makes durable what was written before the call.
    /// - Returns: the last revision that is durable now.
    /// - Throws: `io` if it fails, and then `readOnly` for ever.
    @discardableResult
    func flush() throws -> Revision {
        try flushing.withLock { _ in
            let (files, through) = try state.withLock { state in
                if let failure = state.failure { throw failure }
                defer { state.unflushed = [] }
                return (state.unflushed.map { state.segments[$0]!.file }, state.head)
            }
            for file in files {
                try failing(.flush, file) { try file.flush() }
            }
            state.withLock { $0.flushedThrough = through }
            return through
        }
    }

    /// Runs `body`; if it fails, so does everything from then on.
    private func failing(
        _ operation: JournalOperation, _ file: JournalFile, _ body: () throws -> Void
    ) throws {
        do {
            if let code = options.fault?(operation), code != 0 {
                throw StoreError(system: code, "\(operation)", file.path)
            }
            try body()
        } catch {
            let message = (error as? StoreError)?.message ?? "\(error)"
            state.withLock { state in
                if state.failure == nil {
                    state.failure = StoreError(
                        .readOnly,
                        "the store has stopped writing, because it is unknown what is on the disk since a failure: "
                            + "\(message). Open it again to go on from what is there")
                }
            }
            throw error
        }
    }
}
