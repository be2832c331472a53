/// All sections of a run.
struct Results {
    private(set) var sections: [Section] = []

    mutating func add(_ more: [Section]) { sections += more.filter { !$0.sizes().isEmpty } }

    /// The median of one metric, at one size or the greatest there is.
    func value(_ section: String, _ metric: String, _ system: String = "Vigil", at size: Double? = nil) -> Double? {
        guard let section = sections.first(where: { $0.id == section }) else { return nil }
        let sizes = section.sizes(metric).filter { section.median(metric, system, $0) != nil }
        return (size ?? sizes.last).flatMap { section.median(metric, system, $0)?.value }
    }
}
