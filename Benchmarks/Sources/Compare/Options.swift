import Foundation

/// What the command line asks for.
struct Options: Sendable {
    var isQuick = false
    var isHelp = false
    /// Where to write all figures for programs.
    var json: String?
    /// Where to write the report.
    var report = "report"
    /// Names of the workloads to run; empty for all.
    var only: [String] = []
    /// What the names of the systems to compare begin with; empty for all.
    var systems: [String] = []
    /// How often each thing is measured; nil for what suits the mode.
    var rounds: Int?

    static let usage = """
        usage: compare [--quick] [--only NAME]... [--system NAME]... [--rounds N] [--report DIR] [--json FILE]

          --quick        a few minutes instead of a quarter of an hour: fewer rounds, smaller sizes
          --only NAME    just this workload; may be given again. One of:
                         \(allWorkloads.map(\.name).joined(separator: " "))
          --system NAME  just the systems whose names begin so; may be given again
          --rounds N     how often each thing is measured, all systems in turn (3, quick 1)
          --report DIR   where report.md and its charts go (Benchmarks/report)
          --json FILE    all figures of all rounds, for programs
        """

    /// A wrong command line.
    struct UsageError: Error { let message: String }

    init(_ arguments: [String]) throws {
        var rest = arguments[...]
        func value(_ flag: String) throws -> String {
            guard let value = rest.popFirst() else { throw UsageError(message: "\(flag) needs a value") }
            return value
        }
        while let flag = rest.popFirst() {
            switch flag {
            case "--help", "-h": isHelp = true
            case "--quick": isQuick = true
            case "--json": json = try value(flag)
            case "--report": report = try value(flag)
            case "--only":
                let name = try value(flag)
                guard allWorkloads.contains(where: { $0.name == name }) else {
                    throw UsageError(message: "there is no workload \(name)")
                }
                only.append(name)
            case "--system": systems.append(try value(flag))
            case "--rounds":
                guard let number = Int(try value(flag)), number >= 1 else {
                    throw UsageError(message: "--rounds needs a number, at least 1")
                }
                rounds = number
            default: throw UsageError(message: "unknown argument \(flag)")
            }
        }
    }
}
