/// What Vigil promises itself of its speed, and whether it keeps it.
struct Budget: Sendable {
    let what: String
    let unit: Unit
    let limitText: String
    /// Whether a figure is within the limit; nil if there is none.
    private let accepts: (@Sendable (Double) -> Bool)?
    /// The figure, if it was measured in this run.
    let figure: @Sendable (Results) -> Double?

    init(_ what: String, _ unit: Unit, atMost limit: Double, _ figure: @escaping @Sendable (Results) -> Double?) {
        (self.what, self.unit, self.figure) = (what, unit, figure)
        (limitText, accepts) = ("≤ " + unit.text(limit), { $0 <= limit })
    }

    init(_ what: String, _ unit: Unit, atLeast limit: Double, _ figure: @escaping @Sendable (Results) -> Double?) {
        (self.what, self.unit, self.figure) = (what, unit, figure)
        (limitText, accepts) = ("≥ " + unit.text(limit), { $0 >= limit })
    }

    /// Only for the record.
    init(_ what: String, _ unit: Unit, text: String, _ figure: @escaping @Sendable (Results) -> Double?) {
        (self.what, self.unit, self.figure) = (what, unit, figure)
        (limitText, accepts) = (text, nil)
    }

    func isMet(_ figure: Double) -> Bool? { accepts?(figure) }
}
