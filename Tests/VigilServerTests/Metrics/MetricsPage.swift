import Foundation

/// A page of metrics in Prometheus' text format, read strictly: whatever is not as the format says fails.
struct MetricsPage {
    struct Sample: Equatable {
        var name: String
        var labels: [String: String]
        var value: Double
    }

    struct Malformed: Error, CustomStringConvertible {
        var description: String
    }

    private(set) var types: [String: String] = [:]
    private(set) var samples: [Sample] = []

    init(_ text: String) throws {
        guard text.hasSuffix("\n") else { throw Malformed(description: "the last line does not end") }
        var family = ""
        var seen: Set<String> = []
        for line in text.split(separator: "\n", omittingEmptySubsequences: false).dropLast() {
            let words = line.split(separator: " ", maxSplits: 3, omittingEmptySubsequences: false).map(String.init)
            if line.hasPrefix("# HELP ") {
                guard words.count == 4, seen.insert(words[2]).inserted else { throw Malformed(description: "\(line)") }
                family = words[2]
            } else if line.hasPrefix("# TYPE ") {
                guard words.count == 4, words[2] == family, ["counter", "gauge", "histogram"].contains(words[3]) else {
                    throw Malformed(description: "\(line)")
                }
                types[family] = words[3]
            } else {
                let sample = try Self.sample(line)
                let isOfFamily =
                    types[family] == "histogram"
                    ? ["_bucket", "_sum", "_count"].contains { sample.name == family + $0 } : sample.name == family
                guard isOfFamily, types[family] != nil else { throw Malformed(description: "out of place: \(line)") }
                guard !samples.contains(where: { $0.name == sample.name && $0.labels == sample.labels }) else {
                    throw Malformed(description: "doubled: \(line)")
                }
                samples.append(sample)
            }
        }
    }

    /// The only sample of a name with at least these labels.
    func value(_ name: String, _ labels: [String: String] = [:]) throws -> Double {
        let found = samples.filter { sample in
            sample.name == name && labels.allSatisfy { sample.labels[$0.key] == $0.value }
        }
        guard found.count == 1 else { throw Malformed(description: "\(name) \(labels): \(found.count) samples") }
        return found[0].value
    }

    private static func sample(_ line: Substring) throws -> Sample {
        var rest = line
        let name = take(&rest) { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") }
        var labels: [String: String] = [:]
        if rest.first == "{" {
            repeat {
                rest.removeFirst()
                let label = take(&rest) { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") }
                guard rest.hasPrefix("=\""), !label.isEmpty else { throw Malformed(description: "label: \(line)") }
                rest.removeFirst(2)
                labels[label] = try quoted(&rest)
            } while rest.first == ","
            guard rest.popFirst() == "}" else { throw Malformed(description: "labels do not end: \(line)") }
        }
        guard rest.popFirst() == " ", let value = number(rest), !name.isEmpty else {
            throw Malformed(description: "\(line)")
        }
        return Sample(name: name, labels: labels, value: value)
    }

    private static func take(_ rest: inout Substring, while isWanted: (Character) -> Bool) -> String {
        let taken = rest.prefix(while: isWanted)
        rest = rest.dropFirst(taken.count)
        return String(taken)
    }

    private static func quoted(_ rest: inout Substring) throws -> String {
        var value = ""
        while let character = rest.popFirst() {
            switch character {
            case "\"": return value
            case "\\":
                guard let escaped = rest.popFirst(), let meant = ["\\": "\\", "\"": "\"", "n": "\n"][escaped] else {
                    throw Malformed(description: "unknown escape")
                }
                value += meant
            default: value.append(character)
            }
        }
        throw Malformed(description: "a label's value does not end")
    }

    private static func number(_ text: Substring) -> Double? {
        switch text {
        case "+Inf": .infinity
        case "-Inf": -.infinity
        case "NaN": .nan
        default: Double(text)
        }
    }
}
