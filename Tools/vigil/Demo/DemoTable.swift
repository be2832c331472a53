import Vigil

/// What the demo found, for people and for programs.
struct DemoTable {
    let verdicts: [Verdict]
    let statistics: StoreStatistics
    /// How long the writer took.
    let seconds: Double
    /// Where the changes came from.
    let sources: [String]

    /// Why the demo has not shown what it is to show; nil if it has.
    var failure: String? {
        if !verdicts.allSatisfy(\.isExact) { return "NOT every watcher saw what the log has." }
        if !verdicts.contains(where: { $0.report.parked > 0 }) {
            return "No watcher was parked: there was too little to read. Try without --events."
        }
        if !verdicts.contains(where: { $0.report.killed > 0 }) {
            return "The watcher in another process ended before it was killed."
        }
        return nil
    }

    func text(data: String) -> String {
        let header = [
            "watcher", "events", "parked", "from the log", "killed", "missing", "doubled", "wrong", "caught up after",
        ]
        let rows = verdicts.map { verdict in
            let report = verdict.report
            return [
                report.name, "\(report.sightings.count)", "\(report.parked)", "\(report.replayed)", "\(report.killed)",
                "\(verdict.missing)", "\(verdict.doubled)", "\(verdict.wrong)", milliseconds(report.catchUp),
            ]
        }
        return """

            \(columns([header] + rows))

            \(failure ?? "Every watcher saw exactly what the log has.")
            \(statistics.head) revisions in \(Text.decimal(seconds)) s; the log takes \(Text.size(statistics.logBytes)) of \
            \(Text.size(statistics.logRawBytes)) raw (\(percent(statistics.ratio))).
            What was written: \(sources.joined(separator: "; ")).

            The store is yours now. Try:

            \(suggestions.map { "  \(CommandLine.invocation) --data \(data) \($0)" }.joined(separator: "\n"))
            """
    }

    private var suggestions: [String] {
        let middle = max(1, statistics.head / 2)
        return [
            "ls packages/ --limit 5", "log --limit 10", "show \(middle)", "get last --at \(middle)",
            "history last --limit 5 --diff", "watch packages/ --prefix --from earliest --until head", "stat",
            "check --deep",
        ]
    }

    var object: JSONObject {
        var json = JSONObject()
        json.add("exact", verdicts.allSatisfy(\.isExact))
        if let failure { json.add("failure", failure) }
        json.add("head", statistics.head)
        json.add("seconds", seconds)
        json.add("sources", sources.joined(separator: "; "))
        json.add("log_bytes", statistics.logBytes)
        json.add("log_raw_bytes", statistics.logRawBytes)
        json.add(
            "watchers",
            verdicts.map { verdict in
                var json = JSONObject()
                json.add("name", verdict.report.name)
                json.add("events", verdict.report.sightings.count)
                json.add("parked", verdict.report.parked)
                json.add("replayed", verdict.report.replayed)
                json.add("killed", verdict.report.killed)
                json.add("missing", verdict.missing)
                json.add("doubled", verdict.doubled)
                json.add("wrong", verdict.wrong)
                json.add("catch_up_ms", verdict.report.catchUp / .milliseconds(1))
                return json
            })
        return json
    }

    /// The first column to the left, the others to the right.
    private func columns(_ rows: [[String]]) -> String {
        let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.map { row in
            row.enumerated().map { column, cell in
                let padding = String(repeating: " ", count: widths[column] - cell.count)
                return column == 0 ? cell + padding : padding + cell
            }.joined(separator: "  ")
        }.joined(separator: "\n")
    }

    private func milliseconds(_ duration: Duration) -> String {
        "\(Text.decimal(max(0, duration / .milliseconds(1)))) ms"
    }

    private func percent(_ ratio: Double) -> String { "\(Int((ratio * 100).rounded())) %" }
}
