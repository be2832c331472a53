/// What a figure counts; it decides how the figure is written. Times are in nanoseconds.
enum Unit: String, Codable, Sendable { case nanoseconds, perSecond, bytes, ratio }

/// One thing that is measured in a section.
struct Metric: Sendable {
    let id: String
    let title: String
    let unit: Unit
    /// Whether a chart is drawn of it, besides its table.
    var isCharted = true
}

/// One figure, and how far to trust it.
struct Reading: Codable, Sendable {
    enum Certainty: String, Codable, Sendable {
        case measured
        /// The work was cut short by its time limit; the figure is computed from the part that was done.
        case extrapolated
        /// Nothing came within the time limit, which is the figure.
        case beyond
    }

    var value: Double
    var certainty = Certainty.measured
}

/// The answer to one question: some metrics, for some systems, at some sizes of the work, each read once a round.
final class Section {
    let id: String
    let title: String
    /// What was done, for the report.
    let text: String
    /// What the sizes count.
    let axis: String
    var isLogarithmic = true
    let metrics: [Metric]
    /// In the order in which they were first recorded.
    private(set) var systems: [String] = []
    private(set) var notes: [String] = []
    private var readings: [Key: [Reading]] = [:]

    private struct Key: Hashable {
        let metric: String
        let system: String
        let size: Double
    }

    init(_ id: String, _ title: String, axis: String, metrics: [Metric], text: String) {
        (self.id, self.title, self.axis, self.metrics, self.text) = (id, title, axis, metrics, text)
    }

    /// Adds a figure; nil, for one that could not be had, adds nothing.
    func record(
        _ metric: String, _ system: String, _ size: some BinaryInteger, _ value: Double?,
        _ certainty: Reading.Certainty = .measured
    ) {
        precondition(metrics.contains { $0.id == metric }, "the section \(id) has no metric \(metric)")
        guard let value else { return }
        if !systems.contains(system) { systems.append(system) }
        let key = Key(metric: metric, system: system, size: Double(size))
        readings[key, default: []].append(Reading(value: value, certainty: certainty))
    }

    func note(_ text: String) {
        if !notes.contains(text) { notes.append(text) }
    }

    /// All figures of all rounds.
    func readings(_ metric: String, _ system: String, _ size: Double) -> [Reading] {
        readings[Key(metric: metric, system: system, size: size)] ?? []
    }

    /// The median of the rounds, as certain as the least certain of them.
    func median(_ metric: String, _ system: String, _ size: Double) -> Reading? {
        let all = readings(metric, system, size)
        guard let value = Compare.median(all.map(\.value)) else { return nil }
        let doubtful = all.first { $0.certainty == .beyond } ?? all.first { $0.certainty != .measured }
        return Reading(value: value, certainty: doubtful?.certainty ?? .measured)
    }

    /// The least and the greatest of the rounds.
    func spread(_ metric: String, _ system: String, _ size: Double) -> ClosedRange<Double>? {
        let all = readings(metric, system, size).map(\.value)
        guard let least = all.min(), let greatest = all.max() else { return nil }
        return least...greatest
    }

    /// The sizes at which there is a figure, ascending; of one metric or of all.
    func sizes(_ metric: String? = nil) -> [Double] {
        Set(readings.keys.filter { metric == nil || $0.metric == metric }.map(\.size)).sorted()
    }

    /// The systems that have a figure of `metric`.
    func systems(_ metric: String) -> [String] {
        systems.filter { system in readings.keys.contains { $0.metric == metric && $0.system == system } }
    }
}
