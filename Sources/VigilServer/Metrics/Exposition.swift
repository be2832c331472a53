/// A page of metrics in the text format of Prometheus, version 0.0.4:
///
///     # HELP name what it is
///     # TYPE name counter | gauge | histogram
///     name{label="value",…} number
///
/// All samples of a name stand together, behind its two lines.
struct Exposition {
    static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    enum Kind: String {
        case counter, gauge, histogram
    }

    typealias Labels = [(key: String, value: String)]

    private(set) var text = ""

    /// A name with one sample.
    mutating func add(_ name: String, _ kind: Kind, _ help: String, _ value: some Number, _ labels: Labels = []) {
        begin(name, kind, help)
        sample(name, labels, value)
    }

    /// A name with a sample for each element.
    mutating func add<Element>(
        _ name: String, _ kind: Kind, _ help: String, of elements: some Sequence<Element>,
        _ sample: (Element) -> (labels: Labels, value: Int)
    ) {
        begin(name, kind, help)
        for element in elements {
            let (labels, value) = sample(element)
            self.sample(name, labels, value)
        }
    }

    /// A histogram: `counts` of each of `bounds`, and of what is beyond the last.
    mutating func add(_ name: String, _ help: String, bounds: [Double], counts: [Int], sum: Double) {
        begin(name, .histogram, help)
        var total = 0
        for (bound, count) in zip(bounds, counts) {
            total += count
            sample("\(name)_bucket", [("le", bound.sampleText)], total)
        }
        total += counts.last ?? 0
        sample("\(name)_bucket", [("le", "+Inf")], total)
        sample("\(name)_sum", [], sum)
        sample("\(name)_count", [], total)
    }

    private mutating func begin(_ name: String, _ kind: Kind, _ help: String) {
        text += "# HELP \(name) \(help)\n# TYPE \(name) \(kind.rawValue)\n"
    }

    private mutating func sample(_ name: String, _ labels: Labels, _ value: some Number) {
        text += name
        if !labels.isEmpty {
            text += "{" + labels.map { "\($0.key)=\"\(Self.escape($0.value))\"" }.joined(separator: ",") + "}"
        }
        text += " \(value.sampleText)\n"
    }

    /// Backslashes, quotes and ends of lines would end a label.
    private static func escape(_ value: String) -> String {
        var escaped = ""
        for character in value.unicodeScalars {
            switch character {
            case "\\": escaped += "\\\\"
            case "\"": escaped += "\\\""
            case "\n": escaped += "\\n"
            default: escaped.unicodeScalars.append(character)
            }
        }
        return escaped
    }
}

/// What a sample can be.
protocol Number {
    var sampleText: String { get }
}

extension Int: Number {
    var sampleText: String { String(self) }
}

extension Double: Number {
    var sampleText: String {
        if isNaN { return "NaN" }
        return isInfinite ? (self > 0 ? "+Inf" : "-Inf") : String(self)
    }
}

extension Bool: Number {
    var sampleText: String { self ? "1" : "0" }
}
