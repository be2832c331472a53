import ChildProcess
import Vigil

/// The command that `watch … -- command` runs for each event.
struct EventCommand {
    /// The longest value that is handed over in a variable; the system takes one of at most 128 KiB, with its name.
    static let variableBytes = 64 << 10

    private let words: [String]

    init(_ words: [String]) {
        self.words = words
    }

    /// Runs it with `event` and waits for its end. Its exit code is not ours to judge; that it cannot be started is.
    func run(_ event: WatchEvent) async throws {
        let environment = [
            "VIGIL_TYPE": event.type == .put ? "put" : "delete",
            "VIGIL_KEY": event.key.description,
            "VIGIL_VALUE": Self.variable(event.value),
            "VIGIL_REVISION": String(event.revision),
        ]
        let child: ChildProcess
        do {
            child = try ChildProcess(
                words[0], Array(words.dropFirst()), environment: environment,
                input: JSONObject(event).utf8 + [UInt8(ascii: "\n")])
        } catch {
            throw InputError("\(error)")
        }
        for await line in child.lines { Output.standard.line(line) }
        _ = await child.status()
    }

    private static func variable(_ value: Bytes) -> String? {
        guard value.count <= variableBytes, !value.contains(0) else { return nil }
        return value.string ?? value.description
    }
}
