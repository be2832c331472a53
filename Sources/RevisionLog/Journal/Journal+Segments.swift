import Changes
import LMDB

extension Journal.State {
    /// A segment whose content nobody needs any more, the one with the lowest number.
    var freeSegment: Int? {
        segments.filter { $0.key != position?.segment && $0.value.lastRevision <= checkpoint }.keys.min()
    }
}

extension Journal {
    /// Lets segments be used again that hold nothing beyond `checkpoint`. To be called when LMDB has it on the disk.
    func release(through checkpoint: Revision) {
        state.withLock { $0.checkpoint = max($0.checkpoint, checkpoint) }
    }

    /// Makes a segment if none is free, so that the appending thread does not have to. For the checkpointer's thread.
    /// - Throws: `full` if the disk is; `io`. The journal stays usable.
    func prepareSpare() throws {
        let needed = state.withLock { $0.freeSegment == nil && $0.segments.count < options.maximumSegments }
        if needed { _ = try makeSegment(tellingNoSpace: true) }
    }

    /// Makes a segment unless another thread has just done so. False if there is no space for one.
    func makeSegment(tellingNoSpace: Bool = false) throws -> Bool {
        try creating.withLock { _ in
            let number: Int? = state.withLock { state in
                if state.freeSegment != nil || state.segments.count >= options.maximumSegments { return nil }
                return (0..<JournalLimits.segmentNumbers).first { state.segments[$0] == nil }
            }
            guard let number else { return true }
            do {
                if let code = options.fault?(.create), code != 0 {
                    throw StoreError(system: code, "create a segment in", files.directory)
                }
                let file = try files.create(number)
                state.withLock { state in
                    state.segments[number] = Segment(file: file, lastRevision: 0)
                    state.noSpace = false
                }
                return true
            } catch let error as StoreError where error.code == .full {
                state.withLock { $0.noSpace = true }
                if tellingNoSpace { throw error }
                return false
            }
        }
    }
}
