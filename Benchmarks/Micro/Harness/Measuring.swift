import Benchmark
import Foundation

extension BenchmarkMetric {
    /// Nanoseconds for a thousand operations.
    static let time = custom("ns per 1000", useScalingFactor: false)
    /// The same, of the processor time that the threads which do them use.
    static let processorTime = custom("CPU ns per 1000", useScalingFactor: false)
    /// Nanoseconds for a thousand reads of what was delivered.
    static let readTime = custom("read, ns per 1000", useScalingFactor: false)
    /// Nanoseconds of one operation, each measured by itself.
    static let latency = custom("ns", useScalingFactor: false)
    static let allocations = custom("allocations per 1000", useScalingFactor: false)
    static let flushes = custom("flushes per 1000", useScalingFactor: false)
    /// Bytes of memory that remain in use, for one operation.
    static let bytes = custom("bytes each", useScalingFactor: false)
}

extension Benchmark.Configuration {
    /// Repeats until `iterations` or `seconds` are over, whichever is first.
    static func times(
        _ metrics: [BenchmarkMetric] = [.time], iterations: Int = 30, seconds: Int = 2
    ) -> Benchmark.Configuration {
        Benchmark.Configuration(
            metrics: metrics, units: unscaled(metrics), maxDuration: .seconds(seconds), maxIterations: iterations)
    }

    /// Counts a few times. The counts may differ by `tolerance` from their thresholds: 50 are 0.05 for each operation.
    /// Flushes may hardly differ: by those that a change of the journal's segment makes.
    static func counts(_ metrics: [BenchmarkMetric] = [.allocations], tolerance: Int = 500) -> Benchmark.Configuration {
        func threshold(_ metric: BenchmarkMetric) -> BenchmarkThresholds {
            // Half an allocation for each operation is less than any change of code adds, and more than what depends on how
            // the threads meet.
            let tolerance =
                switch metric {
                case .flushes: 3
                case .bytes: 60
                default: tolerance
                }
            return BenchmarkThresholds(absolute: [.p90: tolerance])
        }
        return Benchmark.Configuration(
            metrics: metrics, units: unscaled(metrics), maxDuration: .seconds(10), maxIterations: 5,
            thresholds: Dictionary(uniqueKeysWithValues: metrics.map { ($0, threshold($0)) }))
    }
}

/// Numbers as they are, since thousands or millions would be rounded to whole ones.
private func unscaled(_ metrics: [BenchmarkMetric]) -> [BenchmarkMetric: BenchmarkUnits] {
    Dictionary(uniqueKeysWithValues: metrics.map { ($0, .count) })
}

extension Benchmark {
    /// Records what `operations` took together.
    func record(_ nanoseconds: Int, _ operations: Int, _ metric: BenchmarkMetric = .time) {
        measurement(metric, nanoseconds * 1000 / operations)
    }

    /// Times `body`, which does so many operations.
    func time(_ operations: Int, _ metric: BenchmarkMetric = .time, _ body: () throws -> Void) rethrows {
        let start = now()
        try body()
        record(now() - start, operations, metric)
    }

    /// Times `body`, which does so many operations.
    func time(_ operations: Int, _ metric: BenchmarkMetric = .time, _ body: () async throws -> Void) async rethrows {
        let start = now()
        try await body()
        record(now() - start, operations, metric)
    }
}

/// Nanoseconds of a clock that does not jump.
func now() -> Int { read(CLOCK_MONOTONIC) }

/// Nanoseconds that the calling thread has used.
func processorTime() -> Int { read(CLOCK_THREAD_CPUTIME_ID) }

private func read(_ clock: clockid_t) -> Int {
    var time = timespec()
    clock_gettime(clock, &time)
    return time.tv_sec * 1_000_000_000 + time.tv_nsec
}
