import ArgumentParser
import Foundation
import Vigil

@testable import VigilCommand

extension FuzzTarget {
    /// One line of what `import` takes.
    static func json(_ input: [UInt8]) {
        guard let change = requireLine(1, { try ImportedChange(line: Data(input), number: 1) }) else { return }
        let again = try? ImportedChange(line: Data(line(change).utf8), number: 1)
        precondition(again.map(Line.init) == Line(change), "a line changes when it is written again")
    }

    /// A file of such lines, read and grouped. The first byte says how: lines of a revision, or which revisions.
    static func importFile(_ input: [UInt8]) {
        guard let choice = input.first else { return }
        var batches = ImportBatches(
            size: choice & 1 == 0 ? nil : Int(choice >> 4) + 1,
            revisions: choice & 2 == 0 ? nil : Int64(choice >> 5)...Int64(choice))
        var (taken, last) = (0, 0)
        func take() {
            for batch in batches.takeFull() {
                precondition(batch.line > last && !batch.operations.isEmpty, "a batch is empty or out of order")
                last = batch.line
                taken += batch.operations.count
            }
        }
        let pipe = Pipe()
        // At most as many bytes as fit into a pipe that nobody reads from yet.
        pipe.fileHandleForWriting.write(Data(input.dropFirst().prefix(60 << 10)))
        try? pipe.fileHandleForWriting.close()
        let lines = LineReader(pipe.fileHandleForReading)
        var count = 0
        while let line = requireLine(lines.number + 1, orLater: true, { try lines.next() }), let line {
            precondition(!line.contains(UInt8(ascii: "\n")), "a line has an end within")
            let number = lines.number
            let added: Void? = requireLine(number) {
                try batches.add(ImportedChange(line: line, number: number), line: number)
            }
            if added == nil { break }
            count += 1
            if count % 3 == 0 { take() }
        }
        batches.end()
        take()
        precondition(taken <= count, "\(taken) operations come of \(count) lines")
    }

    /// Arguments are parsed and checked, and no command is run.
    static func arguments(_ input: [UInt8]) {
        let text = String(decoding: input, as: UTF8.self)
        let arguments = text.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
        do {
            _ = try VigilCommand.command(arguments)
        } catch {
            // Wrong usage is told, help is shown.
            precondition([0, 64].contains(VigilCommand.exitCode(for: error).rawValue), "another error: \(error)")
            precondition(!VigilCommand.fullMessage(for: error).isEmpty, "nothing is said")
        }
    }

    /// What `body` returns; nil if the input is refused, which must be with the number of the line.
    private static func requireLine<R>(_ number: Int, orLater: Bool = false, _ body: () throws -> R) -> R? {
        do {
            return try body()
        } catch {
            guard let error = error as? InputError else { preconditionFailure("another error: \(error)") }
            let words = error.description.split(separator: " ", maxSplits: 2)
            let named = words.count == 3 && words[0] == "line" ? Int(words[1].dropLast()) : nil
            precondition(named.map { orLater ? $0 >= number : $0 == number } ?? false, "names no line: \(error)")
            return nil
        }
    }

    private struct Line: Equatable {
        var key: Bytes
        var bytes: Int
        var revision: Revision?

        init(_ change: ImportedChange) {
            (key, bytes, revision) = (change.key, change.bytes, change.revision)
        }
    }

    /// Says the same as the line that `change` was read from.
    private static func line(_ change: ImportedChange) -> String {
        let key = #""key_base64":"\#(Data(Array(change.key)).base64EncodedString())""#
        let revision = change.revision.map { #","revision":\#($0)"# } ?? ""
        if case .put(_, let value, _) = change.operation {
            return #"{\#(key),"value_base64":"\#(Data(Array(value)).base64EncodedString())"\#(revision)}"#
        }
        return #"{\#(key),"delete":true\#(revision)}"#
    }
}
