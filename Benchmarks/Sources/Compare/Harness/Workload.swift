/// A piece of the comparison that can be run by itself.
protocol Workload: Sendable {
    /// What `--only` calls it.
    var name: String { get }
    func measure(_ run: Run) async throws -> [Section]
}

/// All of them, in the order of the report.
let allWorkloads: [any Workload] = [
    Puts(), Sustained(), Checkpoints(), FanOut(), Stalled(), History(), Opening(), Recovery(), DiskUse(),
    ProducerCost(), Delivery(), LiveLatency(), DispatchCost(), Registration(), MachineLimits(), FlushBesideCommits(),
]
