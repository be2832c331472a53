import Foundation

/// The disks of this machine, all together.
enum Disk {
    /// Waits until hardly anything has been written for a while, so that what one system still has to do is not measured as
    /// another's: at most `limit` seconds.
    static func settle(limit: Double) async throws {
        let end = now() + .seconds(limit)
        var before = written()
        var quiet = 0
        while quiet < quietIntervals, now() < end {
            try await sleep(until: now() + .milliseconds(intervalMilliseconds))
            let after = written()
            guard let old = before, let new = after else { return }
            quiet = new - old > quietBytes ? 0 : quiet + 1
            before = after
        }
    }

    private static let intervalMilliseconds = 200.0
    /// Longer than a second, in whose rhythm some write what they have gathered.
    private static let quietIntervals = 6
    /// Bytes in that time that are no more than what a machine writes that does nothing.
    private static let quietBytes = 256 << 10

    /// Bytes written since the machine began, by Linux (Documentation/admin-guide/iostats); nil if it does not say.
    private static func written() -> Int? {
        guard let text = try? String(contentsOfFile: "/proc/diskstats", encoding: .utf8) else { return nil }
        return text.split(separator: "\n").reduce(0) { sum, line in
            let fields = line.split(separator: " ")
            return sum + (fields.count > 9 ? Int(fields[9]) ?? 0 : 0) * 512
        }
    }
}
