import Vigil

/// Sizes so small that segments turn, checkpoints are made, versions are forgotten and the map grows within a few hundred
/// writes.
func smallOptions(durability: Durability = .sync) -> StoreOptions {
    var options = StoreOptions(durability: durability)
    options.log.segmentBytes = 64 << 10
    options.log.firstSegmentBytes = 4 << 10
    options.log.segments = 3
    options.log.transactionBytes = 16 << 10
    options.log.checkpointBytes = 6 << 10
    options.log.pendingBytes = 64 << 10
    options.log.checkpointInterval = .milliseconds(20)
    options.log.mapBytes = 1 << 20
    options.log.versionCacheBytes = 2 << 10
    return options
}
