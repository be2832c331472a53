import Foundation
import GRPCClient
import TestSupport
import Testing
import Vigil
import WireMessages

@testable import VigilServer

/// The same random requests to this server and to a real etcd, and all that they answer compared: fields, revisions,
/// codes and texts of errors, and the events of watches. Skipped where there is no etcd: see ``PeerEtcd``.
///
///     VIGIL_REQUESTS=100000 Tools/test --filter DifferentialTests        # more than the usual few thousand
///     VIGIL_SEED=42 Tools/test --filter DifferentialTests                # again, as a failure says
///     VIGIL_SEED=42 VIGIL_SHRINK=60 Tools/test --filter DifferentialTests  # and look for fewer steps, so many seconds
@Suite(.enabled(if: !PeerEtcd.all.isEmpty, "no etcd to compare with: install Debian's etcd-server"))
struct DifferentialTests {
    /// Steps in a run; then both begin again with nothing.
    private static let runSteps = 2500
    private static let environment = ProcessInfo.processInfo.environment

    @Test(arguments: PeerEtcd.all) func answersAsEtcdDoes(_ etcd: PeerEtcd) async throws {
        let wanted = Self.environment["VIGIL_REQUESTS"].flatMap { Int($0) } ?? 1500
        var seed = Self.environment["VIGIL_SEED"].flatMap { UInt64($0) } ?? .random(in: 0 ... .max)
        var done = 0
        while done < wanted {
            let steps = Array(0..<min(Self.runSteps, wanted - done))
            if let failure = try await DifferentialRun(etcd: etcd, seed: seed, steps: steps).run() {
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
    private func shrink(_ run: DifferentialRun) async throws {
        guard let seconds = Self.environment["VIGIL_SHRINK"].flatMap({ Int($0) }) else { return }
        let deadline = ContinuousClock.now + .seconds(seconds)
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

/// Some steps of a seed, on two new servers.
struct DifferentialRun {
    let etcd: PeerEtcd
    let seed: UInt64
    var steps: [Int]
    /// Whether each step is printed.
    var isTold = false

    struct Failure: CustomStringConvertible {
        /// Of the step among those that were done.
        let index: Int
        let step: Step
        let difference: Difference

        var description: String { "step \(index), \(step): \(difference)" }
    }

    /// The first difference, if there is any.
    func run() async throws -> Failure? {
        try await withEtcd(options: EtcdServerOptions(), inMemory: true) { ours, _, _ in
            try await etcd.serve { theirs, _ in
                var comparison = try await Comparison(ours: ours, theirs: theirs)
                for (index, number) in steps.enumerated() {
                    let step = StepGenerator.step(number, seed: seed, comparison.view)
                    if isTold { print(number, step) }
                    do {
                        try await comparison.run(step)
                        if index % 16 == 15 || index == steps.count - 1 { try await comparison.settle() }
                    } catch let difference as Difference {
                        return Failure(index: index, step: step, difference: difference)
                    }
                }
                try await comparison.close()
                return nil
            }
        }
    }
}
