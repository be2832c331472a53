import Vigil

/// What the demo found, for people and for programs.
struct DemoTable {
    let verdicts: [Verdict]
    let statistics: StoreStatistics
    /// How long the writer took.
    let seconds: Double

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
        let isExact = verdicts.allSatisfy(\.isExact)
        return """

            \(columns([header] + rows))

            \(isExact ? "Every watcher saw exactly what the log has." : "NOT every watcher saw what the log has.")
            \(statistics.head) revisions in \(Text.decimal(seconds)) s; the log takes \(Text.size(statistics.logBytes)) of \
            \(Text.size(statistics.logRawBytes)) raw (\(percent(statistics.ratio))).

            The store is yours now. Try:

              vigil --data \(data) ls packages/ --limit 5
              vigil --data \(data) log --limit 10
              vigil --data \(data) history last --limit 5 --diff
              vigil --data \(data) show \(max(1, statistics.head / 2))
              vigil --data \(data) watch packages/ --prefix --from earliest --until head
              vigil --data \(data) stat
              vigil --data \(data) check --deep
            """
    }

    var object: JSONObject {
        var json = JSONObject()
        json.add("exact", verdicts.allSatisfy(\.isExact))
        json.add("head", statistics.head)
        json.add("seconds", seconds)
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
