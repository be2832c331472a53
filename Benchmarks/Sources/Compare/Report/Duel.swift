/// Vigil, embedded or as a server, against the best of the others that are it too, for one metric at one size.
struct Duel {
    let section: Section
    let metric: Metric
    let size: Double
    let own: Reading
    let best: (name: String, reading: Reading)
    /// How many times as good Vigil's median is.
    let factor: Double
    /// Whether all rounds of one were better than all of the other; if not, the next run may have it the other way round.
    let isClear: Bool

    init?(of system: String, among isRival: (String) -> Bool, _ section: Section, _ metric: Metric, at size: Double) {
        let isHigherBetter = metric.unit.isHigherBetter
        let others = section.systems(metric.id).filter {
            isRival($0) && !$0.hasPrefix("Vigil") && !isFloor($0) && isDurable($0)
        }
        guard let own = section.median(metric.id, system, size),
            let best = others.compactMap({ name in section.median(metric.id, name, size).map { (name, $0) } })
                .min(by: { isHigherBetter ? $0.1.value > $1.1.value : $0.1.value < $1.1.value }),
            let spread = section.spread(metric.id, system, size), let other = section.spread(metric.id, best.0, size)
        else { return nil }
        (self.section, self.metric, self.size, self.own, self.best) = (section, metric, size, own, best)
        factor = isHigherBetter ? own.value / best.1.value : best.1.value / own.value
        isClear = !spread.overlaps(other)
    }

    private var verdict: String {
        if !isClear { return "level, \(digits(factor)) ×" }
        return factor >= 1 ? "\(digits(factor)) × better" : "**\(digits(1 / factor)) × worse**"
    }

    /// A line of a table.
    var row: [String] {
        [
            "\(section.title): \(metric.title)", "\(sizeText(size)) \(section.axis)", metric.unit.text(own),
            metric.unit.text(best.reading), best.name, verdict,
        ]
    }
}

extension Section {
    /// Those of one metric, by size.
    func duels(of system: String, among isRival: (String) -> Bool, _ metric: Metric) -> [Duel] {
        sizes(metric.id).compactMap { Duel(of: system, among: isRival, self, metric, at: $0) }
    }
}

/// Whether a system is a floor and not a store.
private func isFloor(_ system: String) -> Bool { system.hasPrefix("bare ") }

/// Whether what a system acknowledges survives a loss of power. Servers that do not say so in their names.
func isDurable(_ system: String) -> Bool { !system.hasSuffix("(no fsync)") }
