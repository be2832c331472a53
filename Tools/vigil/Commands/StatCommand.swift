import ArgumentParser
import Foundation
import Vigil

struct StatCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stat", abstract: "Positions and sizes of the store.")

    @OptionGroup var arguments: StoreArguments

    func run() async throws {
        let statistics = try await arguments.withStore(.readOnly) { try await $0.statistics() }
        if arguments.json {
            Output.standard.line(Self.object(statistics))
        } else {
            Output.standard.line(Text.table(Self.rows(statistics)))
        }
    }

    private static func rows(_ s: StoreStatistics) -> [(String, String)] {
        [
            ("head", "revision \(s.head)"),
            ("earliest", "revision \(s.earliest)\(s.compacted == 0 ? ", never compacted" : "")\(age(s))"),
            ("keys", "\(s.keys)"),
            (
                "log",
                "\(Text.size(s.logBytes)) in \(s.blocks) blocks, \(Text.size(s.logRawBytes)) raw "
                    + "(stored/raw \(hundredths(s.ratio))); \(s.unsealedBlocks) not sealed"
            ),
            ("checkpoint", "revision \(s.checkpoint); \(Text.size(s.pendingBytes)) since, in the journal"),
            ("journal", "\(Text.size(s.journalBytes)) in \(s.journalSegments) segments"),
            (
                "file",
                "\(Text.size(s.fileBytes)) of a map of \(Text.size(s.mapBytes)); "
                    + "shrinking would give \(Text.size(s.freeBytes)) back"
            ),
            ("readers", "\(s.readers) of \(s.maximumReaders) slots used"),
            ("store", "\(String(s.storeID, radix: 16)), format \(s.formatVersion)"),
        ]
    }

    /// How far the log goes back.
    private static func age(_ s: StoreStatistics) -> String {
        guard let milliseconds = s.earliestMilliseconds else { return "" }
        let age = Int64(Date().timeIntervalSince1970 * 1000) - milliseconds
        return ", of \(Text.time(milliseconds))" + (age < 0 ? "" : ", \(Text.duration(age)) ago")
    }

    private static func hundredths(_ value: Double) -> String {
        let rounded = Int((value * 100).rounded())
        return "\(rounded / 100)." + (rounded % 100 < 10 ? "0" : "") + "\(rounded % 100)"
    }

    private static func object(_ s: StoreStatistics) -> JSONObject {
        var json = JSONObject()
        json.add("head", s.head)
        json.add("earliest", s.earliest)
        if let milliseconds = s.earliestMilliseconds { json.add("earliest_ms", milliseconds) }
        json.add("compacted", s.compacted)
        json.add("checkpoint", s.checkpoint)
        json.add("keys", s.keys)
        json.add("blocks", s.blocks)
        json.add("unsealed_blocks", s.unsealedBlocks)
        json.add("log_bytes", s.logBytes)
        json.add("log_raw_bytes", s.logRawBytes)
        json.add("ratio", s.ratio)
        json.add("file_bytes", s.fileBytes)
        json.add("free_bytes", s.freeBytes)
        json.add("map_bytes", s.mapBytes)
        json.add("journal_segments", s.journalSegments)
        json.add("journal_bytes", s.journalBytes)
        json.add("pending_bytes", s.pendingBytes)
        json.add("readers", s.readers)
        json.add("maximum_readers", s.maximumReaders)
        json.add("store_id", String(s.storeID, radix: 16))
        json.add("format_version", s.formatVersion)
        return json
    }
}
