import ArgumentParser
import Foundation
import Vigil

@main
struct Main {
    /// Runs the command line. Unlike ArgumentParser's own `main` it ends with the exit codes that `vigil --help` names.
    static func main() async {
        // A reader that goes away, as in `vigil log | head`, ends the output and not the process half way.
        signal(SIGPIPE, SIG_IGN)
        let arguments = Array(CommandLine.arguments.dropFirst())
        let asJSON = arguments.prefix { $0 != "--" }.contains("--json")
        do {
            try ArgumentBytes.check()
            var command = try await VigilCommand.configured(arguments)
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
            Output.standard.flush()
        } catch {
            Output.standard.flush()
            exit(Failure.report(error, asJSON: asJSON))
        }
    }
}
