import ArgumentParser
import Foundation
import Vigil

struct ImportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import", abstract: "Put and delete what JSON lines say.",
        discussion: """
            A line is {"key":…,"value":…} or {"key":…,"delete":true}; key_base64 and value_base64 hold bytes that are \
            not UTF-8. Each line is a revision, or up to N lines with --batch N (fewer where a key comes again). Lines \
            with a "revision", as `export --from` writes them, are history: all lines of one revision become one \
            again, and --from and --to choose among them, by the numbers in the file: it has no times. A delete of a \
            key that is not there takes no revision.

            A file is checked as a whole first, and nothing is imported if a line is wrong. Standard input (-) is \
            imported as it comes, full revisions also while the next line is awaited; after a wrong line the message \
            says through which line that was done. Exits with 2 for wrong lines, naming the first.
            """)

    /// Revisions gathered before they are committed together.
    private static let chunkRevisions = 512

    @OptionGroup var arguments: StoreArguments
    @Argument(help: "The file, or - for standard input.") var file: String
    @Option(help: ArgumentHelp("Lines in one revision; 1 if left out.", valueName: "n")) var batch: Int?
    @Option(help: ArgumentHelp("Of a history, only from this revision on.", valueName: "rev")) var from: Revision?
    @Option(help: ArgumentHelp("Of a history, only through this revision.", valueName: "rev")) var to: Revision?

    func validate() throws {
        let limit = 4096
        if let batch, batch < 1 || batch > limit {
            throw ValidationError("--batch is \(batch); it must be 1 to \(limit)")
        }
        try RevisionBounds.validate(from: from, to: to)
    }

    private var batches: ImportBatches {
        let isBounded = from != nil || to != nil
        return ImportBatches(size: batch, revisions: isBounded ? (from ?? 1)...(to ?? .max) : nil)
    }

    func run() async throws {
        if file != "-" { try check() }
        let progress = ImportProgress()
        try await arguments.withStore(.readWrite) { store in
            let lines = LineReader(try open())
            var batches = batches
            do {
                while let line = try lines.next() {
                    try batches.add(ImportedChange(line: line, number: lines.number), line: lines.number)
                    if batches.full.count >= Self.chunkRevisions || lines.wouldWait {
                        try await commit(batches.takeFull(), store, progress)
                    }
                }
            } catch let error as InputError {
                throw InputError("\(error); \(progress.position)")
            }
            batches.end()
            try await commit(batches.takeFull(), store, progress)
        }
        progress.finish(asJSON: arguments.json)
    }

    private func open() throws -> FileHandle {
        if file == "-" { return .standardInput }
        guard let handle = FileHandle(forReadingAtPath: file) else {
            throw InputError("cannot read \(file): \(String(cString: strerror(errno)))")
        }
        return handle
    }

    /// Reads the whole file once, for nothing but its errors.
    private func check() throws {
        let lines = LineReader(try open())
        var batches = batches
        while let line = try lines.next() {
            try batches.add(ImportedChange(line: line, number: lines.number), line: lines.number)
            _ = batches.takeFull()
        }
    }

    private func commit(_ batches: [ImportBatches.Batch], _ store: any CommandStore, _ progress: ImportProgress)
        async throws
    {
        guard let last = batches.last else { return }
        for outcome in try await store.commit(batches.map(\.operations)) {
            do {
                if try outcome.get().revision != nil { progress.revisions += 1 }
            } catch {
                var located = error
                located.message += " (in the lines up to \(last.line); \(progress.position))"
                throw located
            }
        }
        progress.advance(lines: batches.reduce(0) { $0 + $1.operations.count }, through: last.line)
    }
}

/// Says how far an import is.
private final class ImportProgress {
    private static let linesPerReport = 50_000

    var revisions = 0
    private var lines = 0
    private var line = 0
    private let start = ContinuousClock.now

    /// Where to go on.
    var position: String {
        line == 0 ? "nothing was imported" : "everything through line \(line) was imported"
    }

    func advance(lines count: Int, through line: Int) {
        let reports = lines / Self.linesPerReport
        lines += count
        self.line = line
        if lines / Self.linesPerReport > reports { Output.error("imported \(lines) lines, \(rate) a second") }
    }

    func finish(asJSON: Bool) {
        if asJSON {
            var json = JSONObject()
            json.add("lines", lines)
            json.add("revisions", revisions)
            Output.standard.line(json)
        } else {
            Output.error("imported \(lines) lines as \(revisions) revisions, \(rate) lines a second")
        }
    }

    private var rate: Int {
        let seconds = Double((ContinuousClock.now - start) / .milliseconds(1)) / 1000
        return seconds > 0 ? Int(Double(lines) / seconds) : lines
    }
}
