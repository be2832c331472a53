import Foundation

/// All figures of all rounds, for programs. Times are in nanoseconds, sizes in bytes.
struct JSONReport: Encodable {
    struct Point: Encodable {
        var size: Double
        var median: Reading
        var rounds: [Reading]
    }

    struct Series: Encodable {
        var section: String
        var metric: String
        var unit: Unit
        var system: String
        var axis: String
        var points: [Point]
    }

    struct Verdict: Encodable {
        var what: String
        var unit: Unit
        var figure: Double
        var budget: String
        var isMet: Bool?
    }

    var machine: Machine
    var isQuick: Bool
    var seconds: Double
    var series: [Series]
    var budgets: [Verdict]

    init(_ report: Report) {
        machine = report.machine
        isQuick = report.run.isQuick
        seconds = report.run.elapsed
        series = report.results.sections.flatMap { section in
            section.metrics.flatMap { metric in
                section.systems(metric.id).map { system in
                    Series(
                        section: section.id, metric: metric.id, unit: metric.unit, system: system, axis: section.axis,
                        points: section.sizes(metric.id).compactMap { size in
                            section.median(metric.id, system, size).map {
                                Point(size: size, median: $0, rounds: section.readings(metric.id, system, size))
                            }
                        })
                }
            }
        }
        budgets = allBudgets.compactMap { budget in
            budget.figure(report.results).map {
                Verdict(
                    what: budget.what, unit: budget.unit, figure: $0, budget: budget.limitText, isMet: budget.isMet($0))
            }
        }
    }

    func write(to file: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        try encoder.encode(self).write(to: URL(fileURLWithPath: file))
    }
}
