import Foundation

/// A line chart of one metric, as SVG: the size of the work from left to right, a line for each system.
struct Chart {
    struct Line {
        let system: String
        let points: [(size: Double, reading: Reading)]
    }

    let section: Section
    let metric: Metric
    let lines: [Line]
    private let x: Scale
    private let y: Scale

    private static let (width, height) = (800.0, 400.0)
    private static let (left, right, top, bottom) = (76.0, 232.0, 62.0, 52.0)

    /// Nil if there is nothing to see: no line with two points.
    init?(_ section: Section, _ metric: Metric) {
        self.section = section
        self.metric = metric
        lines = section.systems(metric.id).map { system in
            Line(
                system: system,
                points: section.sizes(metric.id).compactMap { size in
                    section.median(metric.id, system, size).map { (size, $0) }
                })
        }
        guard metric.isCharted, lines.contains(where: { $0.points.count > 1 }) else { return nil }
        let points = lines.flatMap(\.points)
        let isLogarithmic = section.isLogarithmic
        x = .spanning(
            points.map(\.size), isLogarithmic: isLogarithmic, pixels: (Self.left, Self.width - Self.right))
        y = .fitting(
            points.map(\.reading.value), isLogarithmic: isLogarithmic, pixels: (Self.height - Self.bottom, Self.top))
    }

    var fileName: String { "\(section.id)-\(metric.id).svg" }
    var title: String { "\(section.title): \(metric.title)" }

    var svg: String {
        """
        <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(Int(Self.width)) \(Int(Self.height))" \
        width="\(Int(Self.width))" height="\(Int(Self.height))" role="img" \
        font-family="system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif" font-size="12">
        <title>\(escaped(title))</title>
        <rect width="100%" height="100%" rx="6" fill="#ffffff"/>
        \(heading)
        \(grid)
        \(lines.sorted { $0.system != "Vigil" && $1.system == "Vigil" }.map(drawing).joined(separator: "\n"))
        \(labels)
        </svg>

        """
    }

    private var heading: String {
        let better = metric.unit.isHigherBetter ? "higher is better" : "lower is better"
        return text(Self.left, 24, escaped(section.title), "font-size=\"15\" font-weight=\"600\" fill=\"#1b1f24\"")
            + "\n" + text(Self.left, 44, escaped("\(metric.title) (\(better))"), "fill=\"#57606a\"")
    }

    private var grid: String {
        let (x0, x1, y0) = (Self.left, Self.width - Self.right, Self.height - Self.bottom)
        let rows = y.ticks.map { tick in
            line(x0, y.place(tick), x1, y.place(tick), "stroke=\"#e6e9ed\"")
                + text(x0 - 8, y.place(tick) + 4, metric.unit.text(tick), "text-anchor=\"end\" fill=\"#57606a\"")
        }
        let columns = xTicks.map { tick in
            line(x.place(tick), Self.top, x.place(tick), y0, "stroke=\"#f1f3f5\"")
                + text(x.place(tick), y0 + 18, sizeText(tick), "text-anchor=\"middle\" fill=\"#57606a\"")
        }
        let axis =
            line(x0, y0, x1, y0, "stroke=\"#8c959f\"")
            + text((x0 + x1) / 2, Self.height - 12, escaped(section.axis), "text-anchor=\"middle\" fill=\"#1b1f24\"")
        return (rows + columns + [axis]).joined(separator: "\n")
    }

    /// The sizes that were measured, as long as they are few.
    private var xTicks: [Double] {
        let sizes = section.sizes(metric.id)
        guard sizes.count <= 7, section.isLogarithmic else { return x.ticks }
        // From the greatest down, without those whose names would run into each other.
        return sizes.reversed().reduce(into: []) { ticks, size in
            if ticks.last.map({ x.place($0) - x.place(size) > 50 }) ?? true { ticks.append(size) }
        }
    }

    private func drawing(_ line: Line) -> String {
        let style = Style.of(line.system)
        let places = line.points.map { (x.place($0.size), y.place($0.reading.value)) }
        let path = places.map { "\(digits($0.0)),\(digits($0.1))" }.joined(separator: " ")
        let dash = style.isDashed ? " stroke-dasharray=\"5 4\"" : ""
        let marks: [String] =
            places.count > 20
            ? []
            : zip(places, line.points).map { place, point in
                // A hollow mark: extrapolated, or a lower bound.
                let fill = point.reading.certainty == .measured ? style.color : "#ffffff"
                return """
                    <circle cx="\(digits(place.0))" cy="\(digits(place.1))" r="\(style.width + 1.6)" fill="\(fill)" \
                    stroke="\(style.color)" stroke-width="1.6"/>
                    """
            }
        return """
            <polyline points="\(path)" fill="none" stroke="\(style.color)" stroke-width="\(style.width)" \
            stroke-linejoin="round"\(dash)/>\(marks.joined())
            """
    }

    /// The systems' names at the ends of their lines, moved apart where they would cover each other.
    private var labels: String {
        let ends = lines.compactMap { line in line.points.last.map { (line.system, y.place($0.reading.value)) } }
            .sorted { $0.1 < $1.1 }
        var places = ends.map(\.1)
        for index in places.indices.dropFirst() { places[index] = max(places[index], places[index - 1] + 16) }
        let overflow = (places.last ?? 0) - (Self.height - Self.bottom)
        if overflow > 0 {
            places[places.count - 1] -= overflow
            for index in places.indices.dropLast().reversed() {
                places[index] = min(places[index], places[index + 1] - 16)
            }
        }
        return zip(ends, places).map { end, place in
            let style = Style.of(end.0)
            let weight = end.0 == "Vigil" ? " font-weight=\"600\"" : ""
            return text(Self.width - Self.right + 14, place + 4, escaped(end.0), "fill=\"\(style.color)\"\(weight)")
        }.joined(separator: "\n")
    }

    private func text(_ x: Double, _ y: Double, _ content: String, _ attributes: String) -> String {
        "<text x=\"\(digits(x))\" y=\"\(digits(y))\" \(attributes)>\(content)</text>"
    }

    private func line(_ x0: Double, _ y0: Double, _ x1: Double, _ y1: Double, _ attributes: String) -> String {
        "<line x1=\"\(digits(x0))\" y1=\"\(digits(y0))\" x2=\"\(digits(x1))\" y2=\"\(digits(y1))\" \(attributes)/>"
    }
}

private func escaped(_ text: String) -> String {
    text.replacingOccurrences(of: "&", with: "&amp;").replacingOccurrences(of: "<", with: "&lt;")
        .replacingOccurrences(of: ">", with: "&gt;")
}
