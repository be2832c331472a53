import Foundation
import TestSupport
import Testing

/// Runs a script with as many steps as the environment says, and says how to run again what differs:
///
///     VIGIL_REQUESTS=100000 Tools/test --filter DifferentialTests        # more than the usual few hundred
///     VIGIL_SEED=42 Tools/test --filter DifferentialTests                # again, as a failure says
///     VIGIL_SEED=42 VIGIL_SHRINK=60 Tools/test --filter DifferentialTests  # and look for fewer steps, so many seconds
struct RandomComparison<Script: DifferentialScript> {
    /// Steps in a run; then both begin again with nothing.
    private static var runSteps: Int { 2500 }

    private let etcd: PeerEtcd
    private let wanted: Int
    private let firstSeed: UInt64
    private let shrinkSeconds: Int?

    init(_: Script.Type, _ etcd: PeerEtcd, usualSteps: Int) {
        let environment = ProcessInfo.processInfo.environment
        self.etcd = etcd
        wanted = environment["VIGIL_REQUESTS"].flatMap { Int($0) } ?? usualSteps
        firstSeed = environment["VIGIL_SEED"].flatMap { UInt64($0) } ?? .random(in: 0 ... .max)
        shrinkSeconds = environment["VIGIL_SHRINK"].flatMap { Int($0) }
    }

    func run() async throws {
        var seed = firstSeed
        var done = 0
        while done < wanted {
            let steps = Array(0..<min(Self.runSteps, wanted - done))
            if let failure = try await DifferentialRun<Script>(etcd: etcd, seed: seed, steps: steps).run() {
                Issue.record("etcd \(etcd.version), seed \(seed): \(failure)")
                try await shrink(DifferentialRun(etcd: etcd, seed: seed, steps: Array(steps[...failure.index])))
                return
            }
            done += steps.count
            seed &+= 1
            if wanted > Self.runSteps { print("etcd \(etcd.version): \(done) of \(wanted) steps alike") }
        }
    }

    /// Prints the fewest steps that can be found to differ still.
    private func shrink(_ run: DifferentialRun<Script>) async throws {
        guard let shrinkSeconds else { return }
        let deadline = ContinuousClock.now + .seconds(shrinkSeconds)
        var run = run
        var chunk = run.steps.count / 2
        while chunk > 0, ContinuousClock.now < deadline {
            var start = 0
            while start < run.steps.count, ContinuousClock.now < deadline {
                var fewer = run
                fewer.steps.removeSubrange(start..<min(start + chunk, run.steps.count))
                if let failure = try await fewer.run() {
                    fewer.steps = Array(fewer.steps[...failure.index])
                    run = fewer
                } else {
                    start += chunk
                }
            }
            chunk /= 2
        }
        print("\(run.steps.count) steps are left: \(run.steps)")
        run.isTold = true
        if let failure = try await run.run() { print(failure) }
    }
}
