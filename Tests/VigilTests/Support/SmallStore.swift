import Vigil

/// Sizes so small that segments turn, checkpoints are made, versions are forgotten, the map grows and values that are alike
/// get a dictionary within a few hundred writes.
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
    options.log.dictionaryLookBytes = 600
    return options
}
