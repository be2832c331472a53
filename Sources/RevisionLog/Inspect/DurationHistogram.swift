import Threads

/// How long something took, each time: how often it took at most so long.
public struct DurationHistogram: Sendable, Hashable {
    /// The bounds that are counted by, in seconds: from 50 µs, each twice the one before.
    public static let bounds: [Double] = (0..<18).map { 50e-6 * Double(1 << $0) }

    /// For each bound, how often it took at most so long, but longer than the bound before; and last, how often it took
    /// longer than any of them.
    public var counts: [Int]
    /// How long it took in all, in seconds.
    public var seconds: Double

    /// How often it was done.
    public var count: Int { counts.reduce(0, +) }

    /// Nothing was done yet.
    public init() {
        counts = Array(repeating: 0, count: Self.bounds.count + 1)
        seconds = 0
    }
}

/// The counters behind a ``DurationHistogram``.
final class DurationCounters: Sendable {
    private let counts = (0...DurationHistogram.bounds.count).map { _ in Counter() }
    private let nanoseconds = Counter()

    var histogram: DurationHistogram {
        var histogram = DurationHistogram()
        histogram.counts = counts.map(\.value)
        histogram.seconds = Double(nanoseconds.value) * 1e-9
        return histogram
    }

    /// It took so long once more.
    func add(_ duration: Duration) {
        let seconds = duration.seconds
        let bucket = DurationHistogram.bounds.firstIndex { seconds <= $0 } ?? DurationHistogram.bounds.count
        counts[bucket].add()
        nanoseconds.add(Int(seconds * 1e9))
    }

    /// Runs `body`, and counts how long it took if it does not throw.
    func measure<R>(_ body: () throws -> R) rethrows -> R {
        let start = ContinuousClock.now
        let result = try body()
        add(ContinuousClock.now - start)
        return result
    }
}
