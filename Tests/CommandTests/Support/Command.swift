import ChildProcess
import Foundation
import TestSupport
import Testing

/// `vigil`, the real executable, on a store of its own.
struct Command {
    let directory: String
    /// Instead of the variable that names the store.
    var environment: [String: String]?

    var data: String { directory + "/store" }

    /// What a run printed and how it ended.
    struct Outcome {
        var lines: [String]
        var errors: String
        var status: Int32

        var json: [[String: Any]] { lines.compactMap { Command.object($0) } }
    }

    /// Runs `vigil ARGUMENTS --data …` to its end.
    func callAsFunction(_ arguments: String..., input: String? = nil) async throws -> Outcome {
        try await run(arguments, input: input)
    }

    func run(_ arguments: [String], input: String? = nil) async throws -> Outcome {
        let errors = "\(directory)/errors-\(UUID().uuidString)"
        let child = try ChildProcess(
            built: "vigil", arguments, environment: environment ?? ["VIGIL_DATA": data], input: input, errors: errors)
        var lines: [String] = []
        for await line in child.lines { lines.append(line) }
        return Outcome(
            lines: lines, errors: try String(contentsOfFile: errors, encoding: .utf8), status: await child.status())
    }

    /// Starts `vigil ARGUMENTS --data …`.
    func start(_ arguments: String...) throws -> ChildProcess {
        try start(arguments)
    }

    func start(_ arguments: [String]) throws -> ChildProcess {
        try ChildProcess(built: "vigil", arguments, environment: ["VIGIL_DATA": data], errors: backgroundErrors)
    }

    /// Where that goes which a started program says on standard error.
    var backgroundErrors: String { "\(directory)/background-errors" }

    /// Starts another program that runs `vigil` on this store.
    func start(program: String, _ arguments: String...) throws -> ChildProcess {
        try ChildProcess(
            program, arguments, environment: ["VIGIL_DATA": data], errors: backgroundErrors)
    }

    func file(_ name: String, _ text: String) throws -> String {
        let path = "\(directory)/\(name)"
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
        return path
    }

    static func object(_ line: String) -> [String: Any]? {
        (try? JSONSerialization.jsonObject(with: Data(line.utf8))) as? [String: Any]
    }
}

func withCommand<R>(_ body: (Command) async throws -> R) async throws -> R {
    try await withTemporaryDirectory { try await body(Command(directory: $0)) }
}
