import Foundation

/// Places values on an axis of a chart.
struct Scale {
    let isLogarithmic: Bool
    let lower: Double
    let upper: Double
    /// From, to, in the picture.
    let pixels: (Double, Double)

    func place(_ value: Double) -> Double {
        let share = (transformed(value) - transformed(lower)) / (transformed(upper) - transformed(lower))
        return pixels.0 + share * (pixels.1 - pixels.0)
    }

    private func transformed(_ value: Double) -> Double { isLogarithmic ? log10(value) : value }

    /// A scale from the least of `values` to the greatest.
    static func spanning(_ values: [Double], isLogarithmic: Bool, pixels: (Double, Double)) -> Scale {
        let (least, greatest) = (values.min() ?? 1, values.max() ?? 1)
        let lower = isLogarithmic ? least : 0
        return Scale(
            isLogarithmic: isLogarithmic, lower: lower, upper: greatest > lower ? greatest : lower + 1, pixels: pixels)
    }

    /// A scale with all of `values` on it, from one round number to another.
    static func fitting(_ values: [Double], isLogarithmic: Bool, pixels: (Double, Double)) -> Scale {
        let (least, greatest) = (values.min() ?? 1, values.max() ?? 1)
        guard isLogarithmic, least > 0 else {
            let top = roundUp(greatest)
            return Scale(isLogarithmic: false, lower: 0, upper: top > 0 ? top : 1, pixels: pixels)
        }
        let steps = mantissas(greatest / least)
        let (lower, upper) = (roundLog(least, steps, up: false), roundLog(greatest, steps, up: true))
        return Scale(isLogarithmic: true, lower: lower, upper: upper > lower ? upper : lower * 10, pixels: pixels)
    }

    /// Where the grid lines are.
    var ticks: [Double] {
        guard isLogarithmic else { return (0...5).map { upper * Double($0) / 5 } }
        let steps = Self.mantissas(upper / lower)
        let decades = Int(floor(log10(lower)))...Int(ceil(log10(upper)))
        return decades.flatMap { decade in steps.map { $0 * pow(10, Double(decade)) } }
            .filter { $0 >= lower * 0.999 && $0 <= upper * 1.001 }
    }

    /// The digits at which lines are drawn within a decade: fewer, the more decades there are.
    private static func mantissas(_ ratio: Double) -> [Double] {
        ratio > 1000 ? [1] : ratio > 30 ? [1, 3] : [1, 2, 5]
    }

    private static func roundLog(_ value: Double, _ steps: [Double], up: Bool) -> Double {
        let decade = pow(10, floor(log10(value)))
        let candidates = (steps + [10]).map { $0 * decade }
        return up
            ? candidates.first { $0 >= value * 0.999 } ?? 10 * decade
            : candidates.last { $0 <= value * 1.001 } ?? decade
    }

    private static func roundUp(_ value: Double) -> Double {
        guard value > 0 else { return 1 }
        let decade = pow(10, floor(log10(value)))
        return [1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10].map { $0 * decade }.first { $0 >= value } ?? 10 * decade
    }
}
