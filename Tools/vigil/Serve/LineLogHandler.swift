import Foundation
import Logging
import Threads

/// Writes each event as one line on standard error: for people, or as an object of JSON.
///
///     2026-11-25 04:00:00.000Z warning: a call was slow milliseconds=512.3 method=/etcdserverpb.KV/Put
///     {"time":"2026-11-25 04:00:00.000Z","level":"warning","message":"a call was slow","milliseconds":"512.3",…}
struct LineLogHandler: LogHandler {
    var logLevel: Logger.Level
    var metadata: Logger.Metadata = [:]
    private let asJSON: Bool
    private let write: @Sendable (String) -> Void

    init(
        level: Logger.Level, asJSON: Bool, write: @escaping @Sendable (String) -> Void = { Output.error($0) }
    ) {
        logLevel = level
        self.asJSON = asJSON
        self.write = write
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let all = metadata.merging(event.metadata ?? [:]) { _, own in own }.sorted { $0.key < $1.key }
        let time = Text.time(wallClockMilliseconds())
        if asJSON {
            var json = JSONObject()
            json.add("time", time)
            json.add("level", event.level.rawValue)
            json.add("message", "\(event.message)")
            for (key, value) in all { json.add(Self.reserved.contains(key) ? "\(key)_" : key, "\(value)") }
            write(json.text)
        } else {
            let fields = all.map { " \($0.key)=\(Self.quoted("\($0.value)"))" }.joined()
            write("\(time) \(event.level): \(Self.oneLine("\(event.message)"))\(fields)")
        }
    }

    private static let reserved: Set = ["time", "level", "message"]

    private static func quoted(_ value: String) -> String {
        value.isEmpty || value.contains(where: { $0.isWhitespace || $0 == "\"" || $0 == "=" })
            ? String(reflecting: value) : oneLine(value)
    }

    /// What a client sends may not make a line of its own.
    private static func oneLine(_ text: String) -> String {
        text.contains(where: \.isNewline) ? text.split(whereSeparator: \.isNewline).joined(separator: " ") : text
    }
}
