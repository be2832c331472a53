import Changes

/// Consecutive revisions that were found intact, and where.
struct Stretch {
    enum Source {
        /// A block: where it lies in LMDB's data file.
        case block(Range<Int>)
        /// A frame of the journal: in which segment, and where.
        case frame(segment: Int, Range<Int>)
        /// Put together from what `state` has of the newest revision.
        case rebuilt(ChangeBatch)
    }

    var first: Revision
    var last: Revision
    var source: Source
}

/// Which stretch to take each revision from. Pieces do not overlap, and ascend.
struct Coverage {
    struct Piece {
        var from: Revision
        var to: Revision
        var stretch: Stretch
    }

    private(set) var pieces: [Piece] = []

    /// Adds those of `stretches` that lie where there is nothing yet.
    mutating func fill(_ stretches: [Stretch]) {
        var added: [Piece] = []
        var covered: Revision = 0
        for stretch in stretches.sorted(by: { ($0.first, $1.last) < ($1.first, $0.last) }) {
            var from = max(stretch.first, covered + 1)
            var index = firstPiece(endingAtOrAfter: from)
            while from <= stretch.last {
                guard index < pieces.count, pieces[index].from <= stretch.last else {
                    added.append(Piece(from: from, to: stretch.last, stretch: stretch))
                    break
                }
                if from < pieces[index].from {
                    added.append(Piece(from: from, to: pieces[index].from - 1, stretch: stretch))
                }
                from = max(from, pieces[index].to + 1)
                index += 1
            }
            covered = max(covered, stretch.last)
        }
        pieces = (pieces + added).sorted { $0.from < $1.from }
    }

    func piece(of revision: Revision) -> Piece? {
        let index = firstPiece(endingAtOrAfter: revision)
        return index < pieces.count && pieces[index].from <= revision ? pieces[index] : nil
    }

    /// The longest run without a hole that has `revision`.
    func run(around revision: Revision) -> ClosedRange<Revision>? {
        guard piece(of: revision) != nil else { return nil }
        return ranges.first { $0.contains(revision) }
    }

    /// The runs without a hole.
    var ranges: [ClosedRange<Revision>] {
        var ranges: [ClosedRange<Revision>] = []
        for piece in pieces {
            if let last = ranges.last, last.upperBound + 1 == piece.from {
                ranges[ranges.count - 1] = last.lowerBound...piece.to
            } else {
                ranges.append(piece.from...piece.to)
            }
        }
        return ranges
    }

    /// What is missing of `whole`.
    func holes(in whole: ClosedRange<Revision>) -> [ClosedRange<Revision>] {
        var holes: [ClosedRange<Revision>] = []
        var next = whole.lowerBound
        for range in ranges where range.upperBound >= next && range.lowerBound <= whole.upperBound {
            if range.lowerBound > next { holes.append(next...range.lowerBound - 1) }
            next = range.upperBound + 1
        }
        if next <= whole.upperBound { holes.append(next...whole.upperBound) }
        return holes
    }

    private func firstPiece(endingAtOrAfter revision: Revision) -> Int {
        var low = 0
        var high = pieces.count
        while low < high {
            let middle = (low + high) / 2
            if pieces[middle].to < revision { low = middle + 1 } else { high = middle }
        }
        return low
    }
}

extension ChangeBatch {
    /// The records of `revisions`, which must be here, as a batch of their own.
    func records(of revisions: ClosedRange<Revision>) -> ChangeBatch {
        if revisions == firstRevision...lastRevision { return self }
        var encoder = RecordEncoder(firstRevision: revisions.lowerBound)
        var times: [CommitTime] = []
        for revision in revisions {
            let record = Int(revision - firstRevision)
            let milliseconds = commitTime(ofRecord: record)
            if times.last?.milliseconds != milliseconds {
                times.append(.init(record: encoder.recordCount, milliseconds: milliseconds))
            }
            encoder.append(self, record: record)
        }
        let batch = encoder.finish(milliseconds: 0)
        return ChangeBatch(
            firstRevision: batch.firstRevision, storage: batch.storage, entries: batch.entries,
            recordStarts: batch.recordStarts, commitTimes: times)
    }
}
