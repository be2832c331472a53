import Foundation
import Synchronization
import Vigil

/// A watcher in another process: this program's own `watch`, its output read line by line. It is killed half way and
/// started again where it was.
final class DemoChild: Sendable {
    private struct State {
        var process: Process?
        var isOver = false
        /// The last revision of all, once it is known, and the one seen last.
        var last: Revision?
        var seen: Revision = 0
    }

    private let data: String
    private let start: Revision
    private let state = Mutex(State())

    init(data: String, start: Revision) {
        self.data = data
        self.start = start
    }

    /// Follows until `progress` is finished and everything was seen; killed when it has seen `killAt`.
    func follow(_ progress: DemoProgress, killAt: Revision) async throws -> WatcherReport {
        var report = WatcherReport(name: "another process, killed once", from: start + 1)
        for try await line in try launch(from: start + 1) {
            guard let sighting = Sighting(line: line) else { continue }
            report.sightings.append(sighting)
            if sighting.revision >= killAt, report.killed == 0 {
                kill()
                report.killed = 1
                break
            }
        }
        // The last revision seen may have been cut in two, so it is asked for again.
        let resume = report.sightings.last?.revision ?? start + 1
        report.sightings.removeAll { $0.revision == resume }
        let restarted = ContinuousClock.now
        let behind = await progress.head
        let ending = Task {
            let last = await progress.finish()
            if state.withLock({ state in
                state.last = last
                return state.seen >= last
            }) {
                interrupt()
            }
        }
        defer { ending.cancel() }
        for try await line in try launch(from: resume) {
            guard let sighting = Sighting(line: line) else { continue }
            report.sightings.append(sighting)
            if report.catchUp == .zero, sighting.revision >= behind { report.catchUp = ContinuousClock.now - restarted }
            if saw(sighting.revision) { interrupt() }
        }
        return report
    }

    /// Notes what was seen; true if that is the end.
    private func saw(_ revision: Revision) -> Bool {
        state.withLock { state in
            state.seen = revision
            return state.last.map { revision >= $0 } ?? false
        }
    }

    /// Ends the process as Ctrl-C would: what it has printed is whole.
    private func interrupt() {
        let process = state.withLock { $0.process }
        if let process, process.isRunning { Foundation.kill(process.processIdentifier, SIGINT) }
    }

    /// Ends the process, if there is one, for good.
    func stop() {
        state.withLock { $0.isOver = true }
        kill()
    }

    private func kill() {
        let process = state.withLock { $0.process }
        if let process, process.isRunning { Foundation.kill(process.processIdentifier, SIGKILL) }
    }

    /// Starts `vigil watch` and returns its lines; what a killed process left of a line is not one.
    private func launch(from: Revision) throws -> AsyncThrowingStream<[UInt8], any Error> {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: CommandLine.executablePath)
        process.arguments = ["watch", "", "--prefix", "--json", "--data", data, "--from", String(from)]
        let output = Pipe()
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        process.standardInput = FileHandle.nullDevice
        try state.withLock { state in
            if state.isOver { throw CancellationError() }
            try process.run()
            state.process = process
        }
        return AsyncThrowingStream { continuation in
            let lines = LineSplitter()
            output.fileHandleForReading.readabilityHandler = { handle in
                let data = handle.availableData
                if data.isEmpty {
                    handle.readabilityHandler = nil
                    continuation.finish()
                } else {
                    for line in lines.add(data) { continuation.yield(line) }
                }
            }
        }
    }
}

/// Whole lines out of pieces.
private final class LineSplitter: Sendable {
    private let rest = Mutex<[UInt8]>([])

    func add(_ data: Data) -> [[UInt8]] {
        rest.withLock { rest in
            rest += data
            var lines = rest.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).map(Array.init)
            rest = lines.removeLast()
            return lines
        }
    }
}

extension CommandLine {
    /// This program, wherever it was started from.
    static var executablePath: String {
        (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? arguments[0]
    }
}

extension Sighting {
    /// What `vigil watch --json` printed; nil for what is not an event.
    init?(line: [UInt8]) {
        guard let object = try? JSONSerialization.jsonObject(with: Data(line)) as? [String: Any],
            let revision = object["revision"] as? Int64, let type = object["type"] as? String,
            type == "put" || type == "delete", let key = object["key"] as? String
        else { return nil }
        self.init(
            revision: revision, isPut: type == "put", key: Bytes(key), value: Bytes(object["value"] as? String ?? ""))
    }
}
