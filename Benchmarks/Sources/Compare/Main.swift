import Foundation

/// Compares Vigil with other ways to do the same, in one run on one machine, and writes a report. Started by
/// `Benchmarks/compare`, which installs what is missing.
@main
struct Program {
    static func main() async throws {
        let options: Options
        do {
            options = try Options(Array(CommandLine.arguments.dropFirst()))
        } catch let error as Options.UsageError {
            FileHandle.standardError.write(Data("\(error.message)\n\(Options.usage)\n".utf8))
            exit(2)
        }
        if options.isHelp {
            print(Options.usage)
            return
        }
        let run = try Run(options: options)
        defer { run.cleanUp() }
        let machine = Machine()
        var results = Results()
        for workload in allWorkloads where options.only.isEmpty || options.only.contains(workload.name) {
            results.add(try await workload.measure(run))
        }
        let report = Report(machine: machine, results: results, run: run)
        try report.write(to: options.report)
        if let json = options.json { try JSONReport(report).write(to: json) }
        run.say("wrote \(options.report)/report.md")
    }
}
