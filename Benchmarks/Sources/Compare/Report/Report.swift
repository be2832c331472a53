import Foundation

/// Everything that a run found out, as a directory with a Markdown file and its charts.
struct Report {
    let machine: Machine
    let results: Results
    let run: Run

    func write(to directory: String) throws {
        let files = FileManager.default
        try files.createDirectory(atPath: directory, withIntermediateDirectories: true)
        // Charts of a run before do not belong to this one.
        for old in try files.contentsOfDirectory(atPath: directory) where old.hasSuffix(".svg") {
            try files.removeItem(atPath: directory + "/" + old)
        }
        for chart in results.sections.flatMap(charts) {
            try chart.svg.write(toFile: directory + "/" + chart.fileName, atomically: true, encoding: .utf8)
        }
        try markdown.write(toFile: directory + "/report.md", atomically: true, encoding: .utf8)
    }

    private func charts(_ section: Section) -> [Chart] { section.metrics.compactMap { Chart(section, $0) } }

    private var markdown: String {
        ([head, glance, budgets] + results.sections.map(text)).joined(separator: "\n\n") + "\n"
    }

    private var head: String {
        let minutes = digits(run.elapsed / 60)
        let names = machine.absent.joined(separator: ", ")
        let absent = names.isEmpty ? "" : "\nNot installed, so not compared: \(names).\n"
        return """
            # Vigil beside other ways

            \(machine.processor), \(machine.cores) cores, \(machine.memoryGiB) GiB; \(machine.system). \(machine.date), \
            \(minutes) minutes\(run.isQuick ? ", quick" : ""), load \(machine.loadAtStart) at the start.

            \(machine.versions.joined(separator: " · "))
            \(absent)
            Each figure is the median of \(run.rounds) round\(run.rounds == 1 ? "" : "s"), in which the systems take \
            turns; what takes long is measured twice or once. All stores flush every write before they acknowledge it, but \
            those marked "no fsync", which cannot and so do not count as rivals. Servers are on loopback. Machines are \
            noisy and disks differ: compare within one report. Two systems are level if some round of the one was no \
            better than some round of the other.

            `≈` was extrapolated from what was done within a time limit; `>` is the time limit, within which nothing came.
            """
    }

    private var budgets: String {
        var rows: [[String]] = []
        for budget in allBudgets {
            guard let figure = budget.figure(results) else { continue }
            let verdict = budget.isMet(figure).map { $0 ? "yes" : "**no**" }
            rows.append([budget.what, budget.unit.text(figure), budget.limitText, verdict ?? ""])
        }
        guard !rows.isEmpty else { return "" }
        return "## Budgets\n\n" + table(["what", "measured", "budget", "met"], rows, numbers: 1...2)
    }

    /// Vigil and the best of the others, at the greatest size; its server beside etcd, by the same client; and where, at
    /// whatever size, Vigil is not the best.
    private var glance: String {
        let all: (String) -> Bool = { _ in true }
        let etcd: (String) -> Bool = { $0.hasPrefix("etcd") }
        let tables = [
            duels("At a glance", of: "Vigil", among: all) { $0.suffix(1) },
            duels("The server beside etcd", of: "Vigil server", among: etcd) { $0.suffix(1) },
            duels("Where another is ahead of Vigil", of: "Vigil", among: all) { $0.filter { $0.factor < 1 } },
            duels("Where etcd is ahead of the server", of: "Vigil server", among: etcd) { $0.filter { $0.factor < 1 } },
        ]
        return tables.filter { !$0.isEmpty }.joined(separator: "\n\n")
    }

    private func duels(
        _ title: String, of system: String, among isRival: (String) -> Bool, _ choose: ([Duel]) -> [Duel]
    ) -> String {
        let rows = results.sections.flatMap { section in
            section.metrics.flatMap { choose(section.duels(of: system, among: isRival, $0)).map(\.row) }
        }
        guard !rows.isEmpty else { return "" }
        return "## \(title)\n\n"
            + table(["what", "at", system, "best other", "", "\(system) is"], rows, numbers: 2...3)
    }

    private func text(_ section: Section) -> String {
        var parts = ["## \(section.title)", section.text]
        parts += charts(section).map { "![\($0.title)](\($0.fileName))" }
        if section.isLogarithmic || section.sizes().count < 10 {
            parts += section.metrics.compactMap { metric in
                let sizes = section.sizes(metric.id)
                guard !sizes.isEmpty else { return nil }
                let rows = section.systems(metric.id).map { system in
                    [system]
                        + sizes.map { size in
                            section.median(metric.id, system, size).map { metric.unit.text($0) } ?? "–"
                        }
                }
                return "**\(metric.title)**\n\n"
                    + table([section.axis] + sizes.map(sizeText), rows, numbers: 1...sizes.count)
            }
        }
        parts += section.notes.map { "> \($0)" }
        return parts.joined(separator: "\n\n")
    }
}

/// A Markdown table; the columns in `numbers` are aligned to the right.
private func table(_ head: [String], _ rows: [[String]], numbers: ClosedRange<Int>) -> String {
    let rule = head.indices.map { numbers.contains($0) ? "---:" : "---" }
    return ([head, rule] + rows).map { "| " + $0.joined(separator: " | ") + " |" }.joined(separator: "\n")
}
