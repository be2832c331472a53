import Foundation

/// Measures the main figures of Vigil once, on this machine:
///
///     swift run -c release --package-path Benchmarks measure
///
/// Machines are noisy: what counts are ratios within one run, above all that of a put to the bare write and flush that
/// it cannot do without.
@main
struct Measure {
    static func main() async throws {
        let directory = NSTemporaryDirectory() + "/vigil-measure-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let floor = try Floor.measure(directory)
        try await Durable.measure(directory + "/store", floor: floor)
        try await Live.measure()
    }

    static func show(_ name: String, _ value: String) {
        print(name.padding(toLength: 52, withPad: " ", startingAt: 0) + value)
    }
}

/// Times of many runs of one thing, in microseconds.
struct Times {
    private(set) var microseconds: [Double] = []

    mutating func add(_ duration: Duration) {
        microseconds.append(duration / .microseconds(1))
    }

    func percentile(_ share: Double) -> Double {
        let sorted = microseconds.sorted()
        return sorted.isEmpty ? 0 : sorted[min(sorted.count - 1, Int(Double(sorted.count) * share))]
    }

    var text: String { "p50 \(rounded(percentile(0.5))) µs, p99 \(rounded(percentile(0.99))) µs" }
}

func rounded(_ value: Double) -> String {
    value >= 100 ? String(Int(value.rounded())) : String(format: "%.1f", value)
}

func perSecond(_ count: Int, _ duration: Duration) -> String {
    let rate = Double(count) / (duration / .seconds(1))
    return rate >= 1e6 ? String(format: "%.2f M/s", rate / 1e6) : String(format: "%.0f k/s", rate / 1e3)
}
