/// Every bound of this module that is not a field of ``WatchConfig``.
enum Limits {
    /// Updates that the dispatcher takes from the queue before it looks for registrations again.
    static let dispatchBatch = 64
    /// Updates after which the dispatcher lets other tasks run.
    static let dispatchYield = 4096
    /// Updates that a caller's thread dispatches itself, and the deliveries of the round before beyond which it does not.
    static let updatesInPlace = 16
    static let deliveriesInPlace = 64
    /// Deliveries after which readers are told of them, though the round goes on.
    static let untoldDeliveries = 16_384
    /// How many watchers ahead of the one that gets an update memory is fetched.
    static let fetchedAhead = 2
    /// Updates that one step of a refill reads from the source.
    static let refillUpdates = 1024
}
