import ArgumentParser

struct VigilCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "vigil",
        abstract: "A durable key-value store whose every change is kept and can be watched.",
        discussion: """
            The store is a directory: --data, else VIGIL_DATA, else ./vigil-data. One process may write it; the \
            commands that read work beside it.

            Exit codes: 0 done; 1 the key or cursor is not there; 2 wrong usage or wrong input; 3 the store failed.
            """,
        subcommands: [
            PutCommand.self, GetCommand.self, DelCommand.self, LsCommand.self, WatchCommand.self, LogCommand.self,
            ShowCommand.self, HistoryCommand.self, StatCommand.self, CheckCommand.self, CompactCommand.self,
            SealCommand.self, ShrinkCommand.self, CursorCommand.self, ImportCommand.self, ExportCommand.self,
            BackupCommand.self, RestoreCommand.self, RecoverCommand.self, ServeCommand.self, DemoCommand.self,
        ])

    /// The command that `arguments` mean, what it was called with checked.
    static func command(_ arguments: [String]) throws -> any ParsableCommand {
        try parseAsRoot(globalOptionsLast(arguments))
    }

    /// `vigil --data DIR get KEY` means `vigil get --data DIR KEY`: the parser knows the options of a verb only after it.
    private static func globalOptionsLast(_ arguments: [String]) -> [String] {
        var options: [String] = []
        var rest = arguments[...]
        while let first = rest.first {
            if first == "--json" || first.hasPrefix("--data=") {
                options.append(rest.removeFirst())
            } else if first == "--data", rest.count > 1 {
                options += rest.prefix(2)
                rest.removeFirst(2)
            } else {
                break
            }
        }
        return rest.prefix(1) + options + rest.dropFirst()
    }
}
