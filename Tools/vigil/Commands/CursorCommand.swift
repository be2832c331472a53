import ArgumentParser
import Vigil

struct CursorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cursor", abstract: "Named positions that watches resume from.",
        discussion: """
            `vigil watch --cursor NAME` makes and moves them. All of this works beside the process that writes the store.
            """,
        subcommands: [List.self, Show.self, Set.self, Remove.self])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "ls", abstract: "All cursors, and how far each is behind.")

        @OptionGroup var arguments: StoreArguments

        func run() async throws {
            for cursor in try await arguments.withStore(.readOnly, { try await $0.cursors() }) {
                if arguments.json {
                    Output.standard.line(JSONObject(cursor))
                } else {
                    Output.standard.line(Text.cursor(cursor))
                }
            }
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "show", abstract: "One cursor: its position, its lag and what it holds.",
            discussion: "Exits with 1 if there is no such cursor.")

        @OptionGroup var arguments: StoreArguments
        @Argument(help: "The cursor's name.") var name: String

        func run() async throws {
            guard let cursor = try await arguments.withStore(.readOnly, { try await $0.cursor(name) }) else {
                throw NotThere()
            }
            if arguments.json {
                Output.standard.line(JSONObject(cursor))
            } else {
                Output.standard.line(Text.table(Text.rows(cursor)))
            }
        }
    }

    struct Set: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "set", abstract: "Set where a cursor is, how much history it holds, or both.",
            discussion: """
                With a revision the cursor is made if it does not exist, a watch that uses it ends, and one that has \
                failed works again.

                A hold keeps history from being forgotten, within bounds, of which there must be at least one; beyond \
                the first that is exceeded the history is given up (--then release) or the cursor also fails (--then \
                fail).
                """)

        @OptionGroup var arguments: StoreArguments
        @Argument(help: "The cursor's name.") var name: String
        @Argument(help: "The revision through which everything is handled; or earliest: nothing, now: everything.")
        var position: CursorTarget?
        @Option(help: "Hold at most so many revisions.") var holdRevisions: Int64?
        @Option(help: "Hold what is at most so many seconds old.") var holdSeconds: Int64?
        @Option(help: "Hold at most so many bytes of the log.") var holdBytes: Int?
        @Option(help: "Beyond the bound: release or fail.") var then: CursorOverflow?
        @Flag(help: "Hold nothing.") var noHold = false

        func validate() throws {
            let hasBound = holdRevisions != nil || holdSeconds != nil || holdBytes != nil
            if then != nil, !hasBound { throw ValidationError("--then needs a bound of the hold") }
            if noHold, hasBound { throw ValidationError("--no-hold and a bound of the hold exclude each other") }
            if position == nil, !hasBound, !noHold {
                throw ValidationError("nothing to set: give a revision, earliest or now, or a bound of the hold")
            }
        }

        func run() async throws {
            let cursor = try await arguments.withStore(.readOnly) { store in
                if let position { try await store.setCursor(name, to: position.position) }
                if let hold { try await store.setCursor(name, hold: hold) }
                if noHold { try await store.setCursor(name, hold: nil) }
                return try await store.cursor(name)
            }
            guard let cursor else { throw NotThere() }
            if arguments.json {
                Output.standard.line(JSONObject(cursor))
            } else {
                Output.standard.line(Text.cursor(cursor))
            }
        }

        private var hold: CursorHold? {
            guard holdRevisions != nil || holdSeconds != nil || holdBytes != nil else { return nil }
            return CursorHold(
                revisions: holdRevisions, age: holdSeconds.map { .seconds($0) }, bytes: holdBytes,
                then: then?.overflow ?? .release)
        }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "rm", abstract: "Remove a cursor, and give up what it holds.",
            discussion: "Exits with 1 if there is no such cursor.")

        @OptionGroup var arguments: StoreArguments
        @Argument(help: "The cursor's name.") var name: String

        func run() async throws {
            guard try await arguments.withStore(.readOnly, { try await $0.removeCursor(name) }) else {
                throw NotThere()
            }
            guard arguments.json else { return }
            var json = JSONObject()
            json.add("removed", name)
            Output.standard.line(json)
        }
    }
}

/// Where `cursor set` sets a cursor.
struct CursorTarget: ExpressibleByArgument {
    let position: CursorPosition

    init?(argument: String) {
        switch argument {
        case "earliest": position = .earliest
        case "now": position = .now
        default:
            guard let revision = Revision(argument), revision >= 0 else { return nil }
            position = .acknowledged(revision)
        }
    }
}

/// The value of `--then`.
struct CursorOverflow: ExpressibleByArgument {
    let overflow: CursorHold.Overflow

    init?(argument: String) {
        guard let overflow = CursorHold.Overflow(rawValue: argument) else { return nil }
        self.overflow = overflow
    }
}
