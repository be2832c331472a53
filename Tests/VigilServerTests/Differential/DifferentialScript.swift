import Foundation

/// Steps that are made at random and done on two servers, whose answers are compared.
protocol DifferentialScript {
    associatedtype Step: CustomStringConvertible, Sendable

    init(_ servers: ServerPair) async throws

    /// Step `number` of the run of a seed: made by itself, of what the servers answered before, so that a run from which
    /// steps are left out is still made of the others.
    func step(_ number: Int, seed: UInt64) -> Step

    /// Does a step on both.
    ///
    /// - Throws: A ``Difference``.
    mutating func run(_ step: Step) async throws

    /// Returns when all that follows from the steps was compared.
    mutating func settle() async throws

    func close() async throws
}

/// Some steps of a seed, on two new servers.
struct DifferentialRun<Script: DifferentialScript> {
    let etcd: PeerEtcd
    let seed: UInt64
    var steps: [Int]
    /// Whether each step is printed.
    var isTold = false

    struct Failure: CustomStringConvertible, Sendable {
        /// Of the step among those that were done.
        let index: Int
        let step: Script.Step
        let difference: Difference

        var description: String { "step \(index), \(step): \(difference)" }
    }

    /// The first difference, if there is any.
    func run() async throws -> Failure? {
        try await withEtcd(options: .cheap, inMemory: true) { ours, _, _ in
            try await etcd.serve { theirs, _ in
                let isOld = etcd.version.hasPrefix("3.4.")
                var script = try await Script(ServerPair(ours: ours, theirs: theirs, isOld: isOld))
                for (index, number) in steps.enumerated() {
                    let step = script.step(number, seed: seed)
                    if isTold { print(number, step) }
                    do {
                        try await script.run(step)
                        if index % 16 == 15 || index == steps.count - 1 { try await script.settle() }
                    } catch {
                        let difference = error as? Difference
                        return Failure(
                            index: index, step: step,
                            difference: difference ?? Difference(what: "no answer", ours: "\(error)", theirs: "?"))
                    }
                }
                try await script.close()
                return nil
            }
        }
    }
}
