import Foundation
import UnixSignals

/// Runs `body`, which ends on the first SIGTERM or SIGINT by itself; a second one ends the process where it stands.
///
/// Nothing that was acknowledged is lost by that: the store is as after a crash.
func endingAtSecondSignal(_ body: () async throws -> Void) async throws {
    let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint)
    try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
            var count = 0
            for await _ in signals {
                count += 1
                if count == 2 {
                    Output.error("vigil: ended by a second signal, before everything was closed")
                    _exit(ExitStatus.interrupted)
                }
            }
        }
        try await body()
        group.cancelAll()
    }
}
