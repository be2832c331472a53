import ArgumentParser
import Vigil

struct HistoryCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "history", abstract: "The versions of a key, newest first.",
        discussion: "Exits with 1, printing nothing, if the key has no history that is retained.")

    @OptionGroup var arguments: StoreArguments
    @Argument var key: String
    @Flag(help: "Show what changed from each version to the next, line by line.") var diff = false
    @Option(help: ArgumentHelp("At most so many versions.", valueName: "n")) var limit = 1000

    func validate() throws {
        if limit < 0 { throw ValidationError("--limit is \(limit); it must not be negative") }
    }

    func run() async throws {
        // One more than is shown, for the difference to the oldest.
        let events = try await arguments.withStore(.readOnly) {
            try await $0.history(of: Bytes(argument: key), limit: limit == .max ? limit : limit + 1)
        }
        guard !events.isEmpty else { throw NotThere() }
        for (index, event) in events.prefix(limit).enumerated() {
            if arguments.json {
                Output.standard.line(JSONObject(event))
            } else if diff {
                showDifference(event, index + 1 < events.count ? events[index + 1] : nil)
            } else {
                Output.standard.line(Text.event(event))
            }
        }
    }

    private func showDifference(_ event: WatchEvent, _ before: WatchEvent?) {
        let kind = event.type == .put ? "put, version \(event.version)" : "delete"
        Output.standard.line("revision \(event.revision)  \(kind)")
        let old = Self.lines(before)
        let new = Self.lines(event)
        for (sign, line) in LineDifference.between(old, new) { Output.standard.line("  \(sign)\(Text.inline(line))") }
    }

    /// Compared as bytes, since texts are equal also where their bytes are not.
    private static func lines(_ event: WatchEvent?) -> [Bytes] {
        guard let event, event.type == .put else { return [] }
        guard event.value.string != nil else { return [event.value] }
        return event.value.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    }
}

/// What was removed and added between two texts.
enum LineDifference {
    /// The lines of both in order: ` ` kept, `-` removed, `+` added.
    static func between(_ old: [Bytes], _ new: [Bytes]) -> [(sign: Character, line: Bytes)] {
        var removed: Set<Int> = []
        var inserted: Set<Int> = []
        for change in new.difference(from: old) {
            switch change {
            case .remove(let offset, _, _): removed.insert(offset)
            case .insert(let offset, _, _): inserted.insert(offset)
            }
        }
        var result: [(sign: Character, line: Bytes)] = []
        var position = 0
        for (index, line) in old.enumerated() {
            if removed.contains(index) {
                result.append(("-", line))
                continue
            }
            while inserted.contains(position) {
                result.append(("+", new[position]))
                position += 1
            }
            result.append((" ", line))
            position += 1
        }
        while position < new.count {
            result.append(("+", new[position]))
            position += 1
        }
        return result
    }
}
