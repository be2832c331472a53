/// How long each of many runs of one thing took, in nanoseconds.
struct Times: Sendable {
    private(set) var nanoseconds: [Int64] = []

    var count: Int { nanoseconds.count }

    mutating func add(_ time: Int64) {
        nanoseconds.append(time)
    }

    mutating func add(_ others: Times) {
        nanoseconds.append(contentsOf: others.nanoseconds)
    }

    /// The time that the given share of all runs did not exceed; nil if there was none.
    func percentile(_ share: Double) -> Double? {
        let sorted = nanoseconds.sorted()
        return sorted.isEmpty ? nil : Double(sorted[min(sorted.count - 1, Int(Double(sorted.count) * share))])
    }
}

func median(_ values: [Double]) -> Double? {
    let sorted = values.sorted()
    guard !sorted.isEmpty else { return nil }
    let middle = sorted.count / 2
    return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}
