import Changes

/// Finds what the journal holds beyond the checkpoint, when a store is opened.
///
/// 1. Every segment is scanned, see ``SegmentScan``.
/// 2. From the revision after the checkpoint on, each next revision is taken from the run that has it; if several have,
///    from the one with the highest epoch. Along the way epochs never fall: a frame of a lower epoch was there before an
///    opening that did not find it reachable, and does not belong to this history. The first revision that no run has is
///    the end.
/// 3. If any valid frame says that more than that had been flushed, then what is missing was not torn by a crash but
///    damaged later, and the scan fails. Otherwise the rest is a torn tail: never flushed, so never acknowledged as durable.
struct JournalScan {
    /// A stretch of a run that belongs to the history.
    struct Piece: Hashable {
        var run: SegmentScan.Run
        var revisions: ClosedRange<Revision>
    }

    let files: [Int: JournalFile]
    let storeTag: UInt32
    /// The last revision that LMDB has.
    let checkpoint: Revision
    /// The last revision there is: the checkpoint if the journal has nothing beyond it.
    private(set) var head: Revision
    /// The highest epoch of any frame; 0 if there is none.
    private(set) var highestEpoch: UInt64 = 0
    /// Where the history beyond the checkpoint lies, in order.
    private(set) var pieces: [Piece] = []
    /// Runs with revisions beyond the head: valid frames after a torn one.
    private(set) var dropped: [SegmentScan.Run] = []
    private var ends: [Int: Int] = [:]

    /// - Parameter knownDurable: a revision that is known, from elsewhere, to have been flushed; 0 if none is.
    /// - Throws: `damaged`, `io`.
    init(
        _ files: [Int: JournalFile], storeTag: UInt32, checkpoint: Revision, knownDurable: Revision = 0
    ) throws {
        self.files = files
        self.storeTag = storeTag
        self.checkpoint = checkpoint
        head = checkpoint
        var runs: [SegmentScan.Run] = []
        var witness: SegmentScan.Witness?
        for (number, file) in files.sorted(by: { $0.key < $1.key }) {
            let scan = try Self.scan(number, file, storeTag)
            runs += scan.runs
            ends[number] = scan.end
            highestEpoch = max(highestEpoch, scan.highestEpoch)
            if let seen = scan.witness, seen.revision > witness?.revision ?? -1 { witness = seen }
        }
        chain(runs)
        if max(witness?.revision ?? 0, knownDurable) > head { throw damage(witness, knownDurable) }
        dropped = runs.filter { $0.last > head }
        // A frame once found broken, and so written anew elsewhere, is whole again: the disk does not keep what it was given.
        if let twice = dropped.first(where: { run in pieces.contains { $0.run == run } }) {
            throw StoreError(
                .damaged,
                "\(files[twice.segment]!.path), byte \(twice.start): revisions \(twice.first) to \(twice.last) contradict "
                    + "frames written later; restore a backup, or recover what is intact")
        }
    }

    private static func scan(_ number: Int, _ file: JournalFile, _ tag: UInt32) throws -> SegmentScan {
        let contents = try file.contents()
        return try contents.withUnsafeBytes { bytes in
            try SegmentScan(segment: number, bytes, storeTag: tag, name: file.path)
        }
    }

    private mutating func chain(_ runs: [SegmentScan.Run]) {
        var epoch: UInt64 = 0
        while true {
            let next = head + 1
            let having = runs.filter { $0.epoch >= epoch && $0.first <= next && next <= $0.last }
            guard let run = having.max(by: { $0.epoch < $1.epoch }) else { return }
            // A run of a higher epoch takes over where it begins.
            let successor = runs.filter { $0.epoch > run.epoch && $0.first > next }.map(\.first).min() ?? .max
            let last = min(run.last, successor - 1)
            pieces.append(Piece(run: run, revisions: next...last))
            head = last
            epoch = run.epoch
        }
    }

    private func damage(_ witness: SegmentScan.Witness?, _ knownDurable: Revision) -> StoreError {
        var message = "revision \(head + 1) is missing or broken"
        // Without a frame to follow on, the break is where the segment of the witness cannot be read any further.
        let place = pieces.last.map { ($0.run.segment, $0.run.end) } ?? witness.map { ($0.segment, ends[$0.segment]!) }
        if let (segment, offset) = place, let file = files[segment] {
            message = "\(file.path), byte \(offset): \(message)"
        }
        if let witness, witness.revision > head, let file = files[witness.segment] {
            message +=
                ", although \(file.name), byte \(witness.offset), says that all through revision "
                + "\(witness.revision) was on the disk"
        } else {
            message += ", although all through revision \(knownDurable) was on the disk"
        }
        return StoreError(
            .damaged,
            message + ". Everything through revision \(head) is intact. Run `vigil check` for details; then restore a "
                + "backup, or recover what is intact.")
    }

    /// Calls `body` with every frame beyond the checkpoint, in order. The payload is valid during the call.
    /// - Throws: what `body` throws; `damaged` if a frame reaches across the checkpoint; `io`.
    func deliver(_ body: (FrameHeader, UnsafeRawBufferPointer) throws -> Void) throws {
        for piece in pieces {
            let file = files[piece.run.segment]!
            let contents = try file.contents()
            try contents.withUnsafeBytes { bytes in
                var offset = piece.run.start
                while offset < piece.run.end {
                    guard case .frame(let header, let payload) = Frame.parse(bytes, at: offset, storeTag: storeTag)
                    else {
                        throw StoreError(.damaged, "\(file.path), byte \(offset): the frame changed while it was read")
                    }
                    if header.firstRevision > piece.revisions.upperBound { break }
                    if header.lastRevision >= piece.revisions.lowerBound {
                        guard header.firstRevision >= piece.revisions.lowerBound,
                            header.lastRevision <= piece.revisions.upperBound
                        else { throw across(header, piece, file, offset) }
                        try body(header, payload)
                    }
                    offset += header.frameBytes
                }
            }
        }
    }

    private func across(_ header: FrameHeader, _ piece: Piece, _ file: JournalFile, _ offset: Int) -> StoreError {
        StoreError(
            .damaged,
            "\(file.path), byte \(offset): the frame of revisions \(header.firstRevision) to \(header.lastRevision) reaches "
                + "across the boundary of \(piece.revisions); the journal and the database (checkpoint \(checkpoint)) do not "
                + "belong together")
    }
}
