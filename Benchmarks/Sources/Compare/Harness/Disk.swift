import Foundation

/// The disks of this machine, all together.
enum Disk {
    /// Has everything written that is only in the page cache, and what deleted files leave to do done: a system that does
    /// not flush, or whose files were just removed, would leave that to those that come after it.
    static func flush() async {
        await onThread { sync() }
    }

    /// Flushes, and waits until hardly anything has been written for a while and the processors have little to do, so that
    /// what one system still has to do is not measured as another's: at most `limit` seconds.
    static func settle(limit: Double) async throws {
        await flush()
        let end = now() + .seconds(limit)
        var before = Activity()
        var quiet = 0
        while quiet < quietIntervals, now() < end {
            try await sleep(until: now() + .milliseconds(intervalMilliseconds))
            let after = Activity()
            guard let old = before, let new = after else { return }
            quiet = new.written - old.written > quietBytes || new.busy - old.busy > busyTicks ? 0 : quiet + 1
            before = after
        }
    }

    private static let intervalMilliseconds = 200.0
    /// Longer than a second, in whose rhythm some write what they have gathered.
    private static let quietIntervals = 6
    /// Bytes in that time that are no more than what a machine writes that does nothing.
    private static let quietBytes = 256 << 10

    /// Hundredths of a second of all processors in that time.
    private static let busyTicks = 4
}

/// What the machine has done since it began, by Linux (Documentation/admin-guide/iostats, filesystems/proc).
private struct Activity {
    /// Bytes, of all disks.
    var written = 0
    /// Hundredths of a second that processors were not idle.
    var busy = 0

    /// Nil if the system does not say.
    init?() {
        guard let disks = try? String(contentsOfFile: "/proc/diskstats", encoding: .utf8),
            let processors = try? String(contentsOfFile: "/proc/stat", encoding: .utf8)
        else { return nil }
        for line in disks.split(separator: "\n") {
            let fields = line.split(separator: " ")
            if fields.count > 9 { written += (Int(fields[9]) ?? 0) * 512 }
        }
        // user, nice, system, idle, waiting for disks, …
        let times = processors.prefix { $0 != "\n" }.split(separator: " ").dropFirst().map { Int($0) ?? 0 }
        for (index, time) in times.enumerated() where index != 3 && index != 4 && index < 8 { busy += time }
    }
}
