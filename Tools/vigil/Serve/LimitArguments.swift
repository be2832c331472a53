import ArgumentParser
import GRPCServer
import NIOCore
import VigilServer

/// The options of `serve` that bound what clients may take.
struct LimitArguments: ParsableArguments {
    private static let defaults = EtcdServerOptions()

    @Option(help: ArgumentHelp("Connections at a time.", valueName: "count"))
    var maxConnections = defaults.connections.maximumConnections
    @Option(help: ArgumentHelp("Calls at a time on one connection.", valueName: "count"))
    var maxConcurrentStreams = defaults.connections.maximumStreams
    @Option(help: ArgumentHelp("Calls at a time on all connections.", valueName: "count"))
    var maxCalls = defaults.connections.maximumCalls
    @Option(help: ArgumentHelp("Watches at a time on all connections.", valueName: "count"))
    var maxWatches = defaults.maximumWatches
    @Option(help: ArgumentHelp("Comparisons, or steps of a branch, of one transaction.", valueName: "count"))
    var maxTxnOps = defaults.maximumTransactionOperations
    @Option(
        help: ArgumentHelp("Close connections without a call for so long; else they may stay.", valueName: "seconds"))
    var idleTimeout: Int?

    func validate() throws {
        for (name, value) in [
            ("--max-connections", maxConnections), ("--max-concurrent-streams", maxConcurrentStreams),
            ("--max-calls", maxCalls), ("--max-watches", maxWatches), ("--max-txn-ops", maxTxnOps),
            ("--idle-timeout", idleTimeout ?? 1),
        ] where !Self.allowed.contains(value) {
            throw ValidationError(
                "\(name) is \(value); it must be from \(Self.allowed.lowerBound) to \(Self.allowed.upperBound)")
        }
    }

    private static let allowed = 1...1_000_000_000

    func apply(to options: inout EtcdServerOptions) {
        options.connections.maximumConnections = maxConnections
        options.connections.maximumStreams = maxConcurrentStreams
        options.connections.maximumCalls = maxCalls
        options.maximumWatches = maxWatches
        options.maximumTransactionOperations = maxTxnOps
        options.connections.idleTimeout = idleTimeout.map { .seconds(Int64($0)) }
    }
}
