import ChildProcess
import Foundation
import Threads
import Vigil

/// A watcher in another process: this program's own `watch`, its output read line by line. It is killed half way and
/// started again where it was.
final class DemoChild: Sendable {
    private struct State {
        var process: ChildProcess?
        var isOver = false
        /// The last revision of all, once it is known, and the one seen last.
        var last: Revision?
        var seen: Revision = 0
    }

    private let data: String
    private let start: Revision
    private let state = Lock(State())

    init(data: String, start: Revision) {
        self.data = data
        self.start = start
    }

    /// Follows until `progress` is finished and everything was seen; killed when it has seen `killAt`.
    func follow(_ progress: DemoProgress, killAt: Revision) async throws -> WatcherReport {
        var report = WatcherReport(name: "another process, killed once", from: start + 1)
        for await line in try launch(from: start + 1) {
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
        for await line in try launch(from: resume) {
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
        state.withLock { $0.process }?.interrupt()
    }

    /// Ends the process, if there is one, for good.
    func stop() {
        state.withLock { $0.isOver = true }
        kill()
    }

    private func kill() {
        state.withLock { $0.process }?.kill()
    }

    /// Starts `vigil watch` and returns its lines.
    private func launch(from: Revision) throws -> AsyncStream<String> {
        try state.withLock { state in
            if state.isOver { throw CancellationError() }
            let process = try ChildProcess(
                CommandLine.executablePath,
                ["watch", "", "--prefix", "--json", "--data", data, "--from", String(from)], errors: "/dev/null")
            state.process = process
            return process.lines
        }
    }
}

extension CommandLine {
    /// This program, wherever it was started from.
    static var executablePath: String {
        (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? arguments[0]
    }

    /// What to type to run this program again: the script that builds it, where that has started it.
    static var invocation: String {
        guard let build = arguments[0].range(of: "/.build/") else { return arguments[0] }
        let root = String(arguments[0][..<build.lowerBound])
        guard FileManager.default.isExecutableFile(atPath: root + "/Tools/run") else { return arguments[0] }
        return root == FileManager.default.currentDirectoryPath ? "Tools/run" : root + "/Tools/run"
    }
}

extension Sighting {
    /// What `vigil watch --json` printed; nil for what is not an event.
    init?(line: String) {
        guard let object = try? JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any],
            let revision = object["revision"] as? Int64, let type = object["type"] as? String,
            type == "put" || type == "delete", let key = object["key"] as? String
        else { return nil }
        self.init(
            revision: revision, isPut: type == "put", key: Bytes(key), value: Bytes(object["value"] as? String ?? ""))
    }
}
