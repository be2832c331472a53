import ArgumentParser
import Foundation
import Vigil

/// A moment as it is given on the command line, after an `@`: by ISO 8601, `@2026-11-23T08:00:00Z`, with milliseconds or
/// an offset if wanted and without a time for midnight; UTC if there is no offset. Or so long ago: `@-90s`.
struct TimeArgument {
    /// Since 1970, UTC.
    let milliseconds: Int64

    init?(_ argument: Substring) {
        guard argument.first == "@" else { return nil }
        let text = argument.dropFirst()
        if text.first == "-" {
            guard let ago = DurationArgument(argument: String(text.dropFirst())) else { return nil }
            milliseconds = Int64(Date().timeIntervalSince1970 * 1000) - ago.milliseconds
        } else {
            guard let parsed = ISOTime(text)?.milliseconds else { return nil }
            milliseconds = parsed
        }
    }
}

/// How long: a number and one of `ms s m h d w`.
struct DurationArgument: ExpressibleByArgument, CustomStringConvertible {
    let milliseconds: Int64

    init(milliseconds: Int64) {
        self.milliseconds = milliseconds
    }

    private static let units: [Substring: Int64] = [
        "ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000,
    ]

    init?(argument: String) {
        let digits = argument.prefix { $0.isASCII && $0.isNumber }
        guard let number = Int64(digits), let unit = Self.units[argument[digits.endIndex...]] else { return nil }
        // Up to what a store takes as an age, ten thousand years.
        guard number <= 316_224_000_000_000 / unit else { return nil }
        milliseconds = number * unit
    }

    var duration: Duration { .milliseconds(milliseconds) }

    /// By the largest unit of which it is a whole number.
    var description: String {
        let unit = Self.units.filter { milliseconds % $0.value == 0 }.max { $0.value < $1.value }!
        return "\(milliseconds / unit.value)\(unit.key)"
    }
}

/// How many bytes: a number, and `KiB`, `MiB`, `GiB` or `TiB` if wanted.
struct SizeArgument: ExpressibleByArgument {
    let bytes: Int

    private static let units: [Substring: Int] = [
        "": 1, "B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40,
    ]

    init?(argument: String) {
        let digits = argument.prefix { $0.isASCII && $0.isNumber }
        guard let number = Int(digits), let unit = Self.units[argument[digits.endIndex...]] else { return nil }
        let (product, overflow) = number.multipliedReportingOverflow(by: unit)
        guard !overflow else { return nil }
        bytes = product
    }
}

/// A point in time by ISO 8601, strictly: no digit may be missing.
private struct ISOTime {
    private(set) var milliseconds: Int64 = 0
    private var rest: Substring

    init?(_ text: Substring) {
        rest = text
        guard let year = digits(4), take("-"), let month = digits(2), take("-"), let day = digits(2) else { return nil }
        var parts = tm()
        parts.tm_year = year - 1900
        parts.tm_mon = month - 1
        parts.tm_mday = day
        var fraction: Int32 = 0
        var offset: Int32 = 0
        if !rest.isEmpty {
            guard take("T") || take(" "), let hour = digits(2), take(":"), let minute = digits(2) else { return nil }
            parts.tm_hour = hour
            parts.tm_min = minute
            if take(":") {
                guard let second = digits(2) else { return nil }
                parts.tm_sec = second
                if take(".") {
                    guard let thousandths = digits(3) else { return nil }
                    fraction = thousandths
                }
            }
            guard let zone = zone() else { return nil }
            offset = zone
        }
        // What does not exist, as February 30, is moved to what does.
        let given = parts
        let seconds = timegm(&parts)
        guard rest.isEmpty, given.tm_mon == parts.tm_mon, given.tm_mday == parts.tm_mday,
            given.tm_hour == parts.tm_hour, given.tm_min == parts.tm_min, given.tm_sec == parts.tm_sec
        else { return nil }
        milliseconds = (Int64(seconds) - Int64(offset) * 60) * 1000 + Int64(fraction)
    }

    /// Minutes east of UTC.
    private mutating func zone() -> Int32? {
        if rest.isEmpty || take("Z") { return 0 }
        let sign: Int32 = take("-") ? -1 : 1
        guard sign == -1 || take("+"), let hours = digits(2), take(":"), let minutes = digits(2), hours < 24,
            minutes < 60
        else { return nil }
        return sign * (hours * 60 + minutes)
    }

    private mutating func take(_ character: Character) -> Bool {
        guard rest.first == character else { return false }
        rest.removeFirst()
        return true
    }

    private mutating func digits(_ count: Int) -> Int32? {
        let head = rest.prefix(count)
        guard head.count == count, head.allSatisfy({ $0.isASCII && $0.isNumber }) else { return nil }
        rest.removeFirst(count)
        return Int32(head)
    }
}
