import Foundation
import Vigil

/// The command that `watch … -- command` runs for each event.
struct EventCommand {
    private let words: [String]

    init(_ words: [String]) {
        self.words = words
    }

    /// Runs it with `event` and waits for its end. Its exit code is not ours to judge; that it cannot be started is.
    func run(_ event: WatchEvent) async throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = words
        var environment = ProcessInfo.processInfo.environment
        environment["VIGIL_TYPE"] = event.type == .put ? "put" : "delete"
        environment["VIGIL_KEY"] = event.key.description
        environment["VIGIL_VALUE"] = event.value.string ?? event.value.description
        environment["VIGIL_REVISION"] = String(event.revision)
        process.environment = environment
        let input = Pipe()
        process.standardInput = input
        let line = Data(JSONObject(event).utf8 + [UInt8(ascii: "\n")])
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            process.terminationHandler = { _ in continuation.resume() }
            do {
                try process.run()
            } catch {
                continuation.resume(throwing: InputError("cannot run \(words[0]): \(error.localizedDescription)"))
                return
            }
            // The command need not read it; that it closed its input is not an error.
            DispatchQueue.global().async {
                try? input.fileHandleForWriting.write(contentsOf: line)
                try? input.fileHandleForWriting.close()
            }
        }
    }
}
