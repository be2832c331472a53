import Changes

/// Values of what was written lately, some of very many, by which it is decided how to compress those that come.
struct ValueSamples {
    /// Oldest first.
    private var values: [[UInt8]] = []
    /// Bytes of the values that these were taken from since the last ``beginAnew()``, about.
    private(set) var seenBytes = 0

    /// Takes some of the values that were put after `checkpoint`, evenly.
    mutating func take(from recent: RecentBatches, after checkpoint: Revision) {
        var entries = 0
        recent.forEach(from: checkpoint + 1) { batch in
            entries += batch.entries.count
            return true
        }
        let distance = max(1, entries / Limits.checkpointSamples)
        var next = distance / 2
        recent.forEach(from: checkpoint + 1) { batch in
            while next < batch.entries.count {
                if batch.entries[next].type == .put { take(batch.value(next), of: distance) }
                next += distance
            }
            next -= batch.entries.count
            return true
        }
        if values.count > Limits.samples { values.removeFirst(values.count - Limits.samples) }
    }

    private mutating func take(_ value: Bytes, of distance: Int) {
        guard Limits.alikeBytes.contains(value.count) else { return }
        values.append(value.withUnsafeBytes { Array($0.prefix(Limits.sampleBytes)) })
        seenBytes += value.count * distance
    }

    mutating func beginAnew() { seenBytes = 0 }

    /// Half of them, by which what is made of the others can be tried.
    var tests: [Bytes] { stride(from: 1, to: values.count, by: 2).map { Bytes(values[$0]) } }

    /// What a dictionary would have that is made now, of the values that are not among ``tests``, evenly; empty if there
    /// are too few.
    var dictionary: [UInt8] {
        let parts = stride(from: 0, to: values.count, by: 2).map { values[$0] }
        let available = parts.reduce(0) { $0 + $1.count }
        let wanted = min(
            max(seenBytes / Limits.dictionaryShare, Limits.dictionaryBytes.lowerBound),
            Limits.dictionaryBytes.upperBound)
        guard available >= Limits.dictionaryBytes.lowerBound else { return [] }
        var bytes: [UInt8] = []
        var position = 0.0
        let step = max(1, Double(available) / Double(wanted))
        while bytes.count < wanted, Int(position) < parts.count {
            bytes += parts[Int(position)]
            position += step
        }
        return Array(bytes.prefix(wanted))
    }
}
