import Foundation

/// One run of the program: what was asked for, where data goes, and what goes on.
final class Run {
    let options: Options
    private let directory: String
    private let start = now()
    private var stores = 0

    init(options: Options) throws {
        self.options = options
        directory = NSTemporaryDirectory() + "/vigil-compare-\(ProcessInfo.processInfo.processIdentifier)"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    }

    var isQuick: Bool { options.isQuick }

    /// How often each thing is measured.
    var rounds: Int { options.rounds ?? choose(quick: 1, full: 3) }

    /// How often each thing is measured that takes long.
    var fewRounds: Int { min(rounds, 2) }

    /// One of two values, by how long the whole may take.
    func choose<T>(quick: T, full: T) -> T { isQuick ? quick : full }

    /// A new path for a store. Its parent exists, itself not.
    func newDirectory() -> String {
        stores += 1
        return directory + "/\(stores)"
    }

    /// Removes the data of a store that is closed.
    func discard(_ path: String) {
        try? FileManager.default.removeItem(atPath: path)
    }

    /// Removes everything.
    func cleanUp() {
        try? FileManager.default.removeItem(atPath: directory)
    }

    /// Says what goes on, on standard error.
    func say(_ text: String) {
        let seconds = (now() - start) / 1_000_000_000
        FileHandle.standardError.write(Data("[\(seconds) s] \(text)\n".utf8))
    }

    /// Seconds since the start.
    var elapsed: Double { Double(now() - start) / 1e9 }

    private func isWanted(_ system: String) -> Bool {
        options.systems.isEmpty || options.systems.contains { system.lowercased().hasPrefix($0.lowercased()) }
    }

    /// Calls `body` for each of the systems in turn, and all of that `rounds` times, so that what disturbs the machine for
    /// a while disturbs all systems alike. What one has left to the disk is written first. A system that fails is left out
    /// from then on, with a note in `section`.
    func interleave<S>(
        _ systems: [S], rounds: Int, name: (S) -> String, in section: Section, _ body: (S, Int) async throws -> Void
    ) async {
        var failed: Set<String> = []
        for round in 1...rounds {
            for system in systems where !failed.contains(name(system)) && isWanted(name(system)) {
                await Disk.flush()
                say("\(section.title): \(name(system)), round \(round) of \(rounds)")
                do {
                    try await body(system, round)
                } catch {
                    failed.insert(name(system))
                    section.note("\(name(system)) failed and was left out from round \(round) on: \(error)")
                    say("\(name(system)) failed: \(error)")
                }
            }
        }
    }
}
