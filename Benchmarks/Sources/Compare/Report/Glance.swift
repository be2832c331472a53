/// One line of the overview: Vigil, embedded or as a server, against the best of the others that are it too, at the
/// greatest size that both have.
struct Glance {
    let row: [String]

    init?(of system: String, among isRival: (String) -> Bool, _ section: Section, _ metric: Metric) {
        let others = section.systems(metric.id).filter {
            isRival($0) && !$0.hasPrefix("Vigil") && !isFloor($0) && isDurable($0)
        }
        guard !others.isEmpty,
            let size = section.sizes(metric.id).last(where: { size in
                section.median(metric.id, system, size) != nil
                    && others.contains { section.median(metric.id, $0, size) != nil }
            }),
            let own = section.median(metric.id, system, size)
        else { return nil }
        let isHigherBetter = metric.unit.isHigherBetter
        let best = others.compactMap { name in section.median(metric.id, name, size).map { (name, $0) } }
            .min { isHigherBetter ? $0.1.value > $1.1.value : $0.1.value < $1.1.value }!
        let factor = isHigherBetter ? own.value / best.1.value : best.1.value / own.value
        let verdict = factor >= 1 ? "\(digits(factor)) × better" : "**\(digits(1 / factor)) × worse**"
        row = [
            "\(section.title): \(metric.title)", "\(sizeText(size)) \(section.axis)", metric.unit.text(own),
            metric.unit.text(best.1), best.0, verdict,
        ]
    }
}

/// Whether a system is a floor and not a store.
private func isFloor(_ system: String) -> Bool { system.hasPrefix("bare ") }

/// Whether what a system acknowledges survives a loss of power. Servers that do not say so in their names.
func isDurable(_ system: String) -> Bool { !system.hasSuffix("(no fsync)") }
