import Foundation
import Vigil

/// How things are shown to people.
enum Text {
    /// A value on one line: text as it is, with line ends and what cannot be printed escaped.
    static func inline(_ bytes: Bytes) -> String {
        guard let text = bytes.string else { return bytes.description }
        return text.unicodeScalars.map { scalar in
            switch scalar {
            case "\n": "\\n"
            case "\r": "\\r"
            case "\t": "\\t"
            default:
                scalar.properties.generalCategory == .control
                    ? "\\u{\(String(scalar.value, radix: 16))}" : String(scalar)
            }
        }.joined()
    }

    /// `12.3 KiB`
    static func size(_ bytes: Int) -> String {
        var value = Double(bytes)
        for unit in ["B", "KiB", "MiB", "GiB"] {
            if value < 1024 { return unit == "B" ? "\(bytes) B" : "\(decimal(value)) \(unit)" }
            value /= 1024
        }
        return "\(decimal(value)) TiB"
    }

    /// One digit after the point.
    static func decimal(_ value: Double) -> String {
        let tenths = (value * 10).rounded()
        return "\(Int(tenths) / 10).\(Int(abs(tenths)) % 10)"
    }

    /// `2026-11-23 08:00:00.123Z`
    static func time(_ milliseconds: Int64) -> String {
        // Rounded down, also before 1970: a clock may say anything.
        let fraction = ((milliseconds % 1000) + 1000) % 1000
        var seconds = time_t((milliseconds / 1000) - (milliseconds % 1000 < 0 ? 1 : 0))
        var parts = tm()
        guard gmtime_r(&seconds, &parts) != nil else { return "\(milliseconds) ms" }
        func two(_ number: Int32) -> String { (number < 10 ? "0" : "") + String(number) }
        return "\(1900 + Int(parts.tm_year))-\(two(parts.tm_mon + 1))-\(two(parts.tm_mday)) "
            + "\(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec)).\(String(fraction + 1000).dropFirst())Z"
    }

    /// `4.2 d`
    static func duration(_ milliseconds: Int64) -> String {
        let units = [("d", 86_400_000.0), ("h", 3_600_000), ("min", 60_000), ("s", 1000)]
        let unit = units.first { Double(milliseconds) >= $0.1 } ?? units[3]
        return "\(decimal(Double(milliseconds) / unit.1)) \(unit.0)"
    }

    /// `revision`, right-aligned.
    static func revision(_ revision: Revision) -> String {
        let text = String(revision)
        return String(repeating: " ", count: max(0, 8 - text.count)) + text
    }

    /// One event on one line.
    static func event(_ event: WatchEvent, showsPrevious: Bool = false) -> String {
        var line = "\(revision(event.revision))  \(event.type == .put ? "put   " : "delete")  \(inline(event.key))"
        if event.type == .put { line += " = \(inline(event.value))" }
        if showsPrevious, let previous = event.previous { line += "  (was \(inline(previous.value)))" }
        return line
    }

    /// Names and values in two columns.
    static func table(_ rows: [(String, String)]) -> String {
        let width = rows.map(\.0.count).max() ?? 0
        return rows.map { $0.0 + String(repeating: " ", count: width - $0.0.count + 2) + $0.1 }.joined(separator: "\n")
    }
}
