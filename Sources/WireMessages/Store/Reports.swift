package import Vigil

// What commands show of a store: numbers, and little else.

extension WireStatisticsResponse {
    package init(_ s: StoreStatistics) {
        self.init()
        head = s.head
        earliest = s.earliest
        compacted = s.compacted
        checkpoint = s.checkpoint
        if let milliseconds = s.earliestMilliseconds { earliestTime = milliseconds }
        if let failure = s.compactionFailure { compactionFailure = WireError(failure) }
        keys = Int64(s.keys)
        blocks = Int64(s.blocks)
        unsealedBlocks = Int64(s.unsealedBlocks)
        logBytes = Int64(s.logBytes)
        logRawBytes = Int64(s.logRawBytes)
        fileBytes = Int64(s.fileBytes)
        freeBytes = Int64(s.freeBytes)
        mapBytes = Int64(s.mapBytes)
        journalSegments = Int64(s.journalSegments)
        journalBytes = Int64(s.journalBytes)
        pendingBytes = Int64(s.pendingBytes)
        readers = Int64(s.readers)
        maximumReaders = Int64(s.maximumReaders)
        storeID = s.storeID
        formatVersion = Int64(s.formatVersion)
    }
}

extension StoreStatistics {
    package init(_ wire: WireStatisticsResponse) {
        self.init()
        head = wire.head
        earliest = wire.earliest
        compacted = wire.compacted
        checkpoint = wire.checkpoint
        earliestMilliseconds = wire.hasEarliestTime ? wire.earliestTime : nil
        compactionFailure = wire.hasCompactionFailure ? StoreError(wire.compactionFailure) : nil
        keys = Int(wire.keys)
        blocks = Int(wire.blocks)
        unsealedBlocks = Int(wire.unsealedBlocks)
        logBytes = Int(wire.logBytes)
        logRawBytes = Int(wire.logRawBytes)
        fileBytes = Int(wire.fileBytes)
        freeBytes = Int(wire.freeBytes)
        mapBytes = Int(wire.mapBytes)
        journalSegments = Int(wire.journalSegments)
        journalBytes = Int(wire.journalBytes)
        pendingBytes = Int(wire.pendingBytes)
        readers = Int(wire.readers)
        maximumReaders = Int(wire.maximumReaders)
        storeID = wire.storeID
        formatVersion = Int(wire.formatVersion)
    }
}

extension WireCompactResponse {
    package init(_ preview: CompactionPreview) {
        self.init()
        earliest = preview.earliest
        firstKept = preview.firstKept
        blocks = Int64(preview.blocks)
        bytes = Int64(preview.bytes)
        if let times = preview.times {
            oldestTime = times.lowerBound
            newestTime = times.upperBound
        }
    }
}

extension CompactionPreview {
    package init(_ wire: WireCompactResponse) {
        self.init(earliest: wire.earliest, firstKept: wire.firstKept)
        blocks = Int(wire.blocks)
        bytes = Int(wire.bytes)
        if wire.hasOldestTime, wire.oldestTime <= wire.newestTime { times = wire.oldestTime...wire.newestTime }
    }
}

extension WireCompactRequest.Retention {
    package init(_ retention: Retention) {
        self.init()
        if let revisions = retention.revisions { self.revisions = Int64(revisions) }
        if let age = retention.age { self.age = age.milliseconds }
        if let bytes = retention.bytes { self.bytes = Int64(bytes) }
    }
}

extension Retention {
    package init(_ wire: WireCompactRequest.Retention) {
        self.init(
            revisions: wire.hasRevisions ? Int(wire.revisions) : nil,
            age: wire.hasAge ? .milliseconds(wire.age) : nil, bytes: wire.hasBytes ? Int(wire.bytes) : nil)
    }
}

extension WireCheckResponse.Report {
    package init(_ report: CheckReport) {
        self.init()
        blocks = Int64(report.blocks)
        revisions = Int64(report.revisions)
        changes = Int64(report.changes)
        keys = Int64(report.keys)
        isTruncated = report.truncated
        problems = report.problems.map { problem in
            var wire = WireCheckResponse.Problem()
            wire.part = problem.part
            wire.place = problem.place
            wire.message = problem.message
            if let revision = problem.revision { wire.revision = revision }
            return wire
        }
    }
}

extension CheckReport {
    package init(_ wire: WireCheckResponse.Report, deep: Bool) {
        self.init(deep: deep)
        blocks = Int(wire.blocks)
        revisions = Int(wire.revisions)
        changes = Int(wire.changes)
        keys = Int(wire.keys)
        truncated = wire.isTruncated
        problems = wire.problems.map { problem in
            Problem(
                part: problem.part, place: problem.place, revision: problem.hasRevision ? problem.revision : nil,
                message: problem.message)
        }
    }
}

extension WireShowResponse {
    package init(_ update: WatchUpdate, _ block: StoredBlock) {
        self.init()
        self.update = WireUpdate(update)
        isInJournal = block.place == .journal
        firstRevision = block.firstRevision
        revisions = Int64(block.recordCount)
        codec = UInt32(block.codec.rawValue)
        rawBytes = Int64(block.rawBytes)
        storedBytes = Int64(block.storedBytes)
    }
}

extension StoredBlock {
    package init(_ wire: WireShowResponse) throws {
        guard let codec = Codec(rawValue: UInt8(clamping: wire.codec)) else {
            throw MalformedMessage("a block is stored by codec \(wire.codec), which is not known")
        }
        self.init(
            place: wire.isInJournal ? .journal : .log, firstRevision: wire.firstRevision,
            recordCount: Int(wire.revisions), codec: codec, rawBytes: Int(wire.rawBytes),
            storedBytes: Int(wire.storedBytes))
    }
}
