import Foundation

extension Unit {
    var isHigherBetter: Bool { self == .perSecond }

    /// The figure as people read it, with three digits.
    func text(_ value: Double) -> String {
        switch self {
        case .nanoseconds: scaled(value, [("s", 1e9), ("ms", 1e6), ("µs", 1e3), ("ns", 1)])
        case .perSecond: scaled(value, [("M/s", 1e6), ("k/s", 1e3), ("/s", 1)])
        case .bytes: scaled(value, [("GB", 1e9), ("MB", 1e6), ("kB", 1e3), ("B", 1)])
        case .ratio: digits(value)
        }
    }

    private func scaled(_ value: Double, _ scales: [(String, Double)]) -> String {
        // What rounds to a thousand belongs to the next scale.
        let (name, scale) = scales.first { abs(value) >= $0.1 * 0.9995 } ?? scales.last!
        return digits(value / scale) + " " + name
    }
}

/// A number with three digits, more only before the point.
func digits(_ value: Double) -> String {
    let text = String(format: abs(value) >= 99.95 ? "%.0f" : abs(value) >= 9.995 ? "%.1f" : "%.2f", value)
    guard text.contains(".") else { return text }
    return text.hasSuffix(".00") ? String(text.dropLast(3)) : text.hasSuffix(".0") ? String(text.dropLast(2)) : text
}

/// A size of the work: 1, 64, 10 k, 1 M.
func sizeText(_ size: Double) -> String {
    switch size {
    case 1e6...: digits(size / 1e6) + " M"
    case 1e4...: digits(size / 1e3) + " k"
    default: digits(size)
    }
}

extension Unit {
    func text(_ reading: Reading) -> String {
        switch reading.certainty {
        case .measured: text(reading.value)
        case .extrapolated: "≈ " + text(reading.value)
        case .beyond: "> " + text(reading.value)
        }
    }
}
