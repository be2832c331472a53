/// `entries` sorted by prefix, byte by byte from the last: several times faster for many than comparing them. Those of one
/// prefix keep their order. A byte that all have alike costs nothing.
func sortedByPrefix(_ entries: [OverlayRun.Entry]) -> [OverlayRun.Entry] {
    guard let first = entries.first else { return entries }
    let differing = entries.reduce(UInt64(0)) { $0 | ($1.prefix ^ first.prefix) }
    var (entries, other) = (entries, entries)
    for shift in stride(from: UInt64(0), to: 64, by: 8) where differing >> shift & 0xFF != 0 {
        entries.withUnsafeBufferPointer { entries in
            other.withUnsafeMutableBufferPointer { scatter(entries, into: $0, by: shift) }
        }
        swap(&entries, &other)
    }
    return entries
}

/// Orders entries by the byte at `shift`.
private func scatter(
    _ entries: UnsafeBufferPointer<OverlayRun.Entry>, into sorted: UnsafeMutableBufferPointer<OverlayRun.Entry>,
    by shift: UInt64
) {
    withUnsafeTemporaryAllocation(of: Int.self, capacity: 256) { places in
        places.initialize(repeating: 0)
        for entry in entries { places[Int(entry.prefix >> shift & 0xFF)] += 1 }
        var start = 0
        for byte in places.indices {
            (start, places[byte]) = (start + places[byte], start)
        }
        for entry in entries {
            let byte = Int(entry.prefix >> shift & 0xFF)
            sorted[places[byte]] = entry
            places[byte] += 1
        }
    }
}
