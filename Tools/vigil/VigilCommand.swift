import ArgumentParser

struct VigilCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "vigil",
        abstract: "A durable key-value store whose every change is kept and can be watched.",
        discussion: """
            The store is a directory: --data, else VIGIL_DATA, else ./vigil-data. One process may write it; the \
            commands that read work beside it. Or it is behind a server, `vigil serve`: --endpoint, else VIGIL_ENDPOINT.

            Exit codes: 0 done; 1 the key, cursor or lease is not there; 2 wrong usage or wrong input; 3 the store failed; 4 the \
            server was not reached, did not answer in time, or refused.
            """,
        subcommands: [
            PutCommand.self, GetCommand.self, DelCommand.self, LsCommand.self, WatchCommand.self, LogCommand.self,
            ShowCommand.self, HistoryCommand.self, StatCommand.self, CheckCommand.self, CompactCommand.self,
            SealCommand.self, ShrinkCommand.self, CursorCommand.self, LeaseCommand.self, ImportCommand.self,
            ExportCommand.self, BackupCommand.self, RestoreCommand.self, RecoverCommand.self, ServeCommand.self,
            AuthCommand.self,
            DemoCommand.self,
        ])

    /// The command that `arguments` mean, what it was called with checked.
    static func command(_ arguments: [String]) throws -> any ParsableCommand {
        try parseAsRoot(globalOptionsLast(arguments))
    }

    /// The options of ``StoreArguments`` that have a value.
    private static let globalOptions = [
        "--data", "--endpoint", "--cacert", "--cert", "--key", "--server-name", "--user", "--timeout",
    ]

    /// The same, with what else a command is told: `serve` has settings.
    static func configured(_ arguments: [String]) async throws -> any ParsableCommand {
        let command = try command(arguments)
        guard let serve = command as? ServeCommand else { return command }
        return try await serve.configured(Array(globalOptionsLast(arguments).dropFirst()))
    }

    /// `vigil --data DIR get KEY` means `vigil get --data DIR KEY`: the parser knows the options of a verb only after it.
    private static func globalOptionsLast(_ arguments: [String]) -> [String] {
        var options: [String] = []
        var rest = arguments[...]
        while let first = rest.first {
            if first == "--json" || globalOptions.contains(where: { first.hasPrefix("\($0)=") }) {
                options.append(rest.removeFirst())
            } else if globalOptions.contains(first), rest.count > 1 {
                options += rest.prefix(2)
                rest.removeFirst(2)
            } else {
                break
            }
        }
        let verb = configuration.subcommands.first { $0._commandName == rest.first }
        let words = verb?.configuration.subcommands.isEmpty ?? true ? 1 : 2
        return rest.prefix(words) + options + rest.dropFirst(words)
    }
}
