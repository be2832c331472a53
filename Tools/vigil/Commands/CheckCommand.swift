import ArgumentParser
import Vigil

struct CheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Verify what is stored: blocks, checksums, gaps; with --deep every version chain.",
        discussion: "Exits with 3, naming each place, if something is wrong.")

    @OptionGroup var arguments: StoreArguments
    @Flag(help: "Also rebuild the history of every key from the log and compare it with the state and the base.")
    var deep = false

    func run() async throws {
        let progress = Progress("checked", unit: "revisions")
        let report = try await arguments.withStore(.readOnly) { store in
            try await store.check(deep: deep) { progress.report($0, $1) }
        }
        show(report)
        if !report.isClean { throw ExitCode(ExitStatus.store) }
    }

    private func show(_ report: CheckReport) {
        if arguments.json {
            Output.standard.line(object(report))
            return
        }
        for problem in report.problems { Output.standard.line("\(problem)") }
        if report.truncated { Output.standard.line("… and more") }
        let scope = report.deep ? "every chain" : "structure and checksums"
        Output.standard.line(
            "\(report.isClean ? "clean" : "\(report.problems.count) problems"): \(report.revisions) revisions in "
                + "\(report.blocks) blocks, \(report.changes) changes, \(report.keys) keys; \(scope) checked")
    }

    private func object(_ report: CheckReport) -> JSONObject {
        var json = JSONObject()
        json.add("clean", report.isClean)
        json.add("deep", report.deep)
        json.add("blocks", report.blocks)
        json.add("revisions", report.revisions)
        json.add("changes", report.changes)
        json.add("keys", report.keys)
        json.add(
            "problems",
            report.problems.map { problem in
                var json = JSONObject()
                json.add("part", problem.part)
                json.add("place", problem.place)
                if let revision = problem.revision { json.add("revision", revision) }
                json.add("message", problem.message)
                return json
            })
        return json
    }
}
