import Foundation
import Vigil

/// Backs a store up, and kills itself when it is told for the `call`-th time how far it is; prints `done` if that is not
/// reached.
func backUp(_ path: String, to file: String, killedAt call: Int) async throws {
    let store = try await WatchStore.open(path, options: StoreOptions(access: .readOnly))
    let progress = Countdown(call)
    try await store.backup(to: file) { _, _ in progress.step() }
    say("done")
}

/// The same of a restore.
func restore(_ file: String, to path: String, killedAt call: Int) async throws {
    let progress = Countdown(call)
    try await WatchStore.restore(from: file, to: path) { _, _ in progress.step() }
    say("done")
}

/// Kills the process at a certain step. Used by one thread at a time, the one that does the work.
private final class Countdown: @unchecked Sendable {
    private var left: Int

    init(_ steps: Int) { left = steps }

    func step() {
        left -= 1
        if left == 0 { kill(getpid(), SIGKILL) }
    }
}
