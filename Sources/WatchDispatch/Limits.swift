/// Every bound of this module that is not a field of ``WatchConfig``.
enum Limits {
    /// Updates that the dispatcher takes from the queue before it looks for registrations again.
    static let dispatchBatch = 64
    /// Updates after which the dispatcher lets other tasks run.
    static let dispatchYield = 4096
    /// Updates that a caller's thread dispatches itself, and to how many watchers each, when it announces them to a
    /// dispatcher that sleeps.
    static let updatesInPlace = 16
    static let deliveriesInPlace = 64
    /// To how many watchers when it notifies; and how long nothing may have been announced to a sleeping dispatcher.
    static let deliveriesByNotify = 1
    static let pauseBeforeNotify = Duration.microseconds(10)
    /// Deliveries after which readers are told of them, though the round goes on.
    static let untoldDeliveries = 16_384
    /// How many watchers ahead of the one that gets an update memory is fetched.
    static let fetchedAhead = 2
    /// How many slots of the queue ahead of the one that a producer writes memory is fetched.
    static let slotsAhead = 16
    /// Updates that one step of a refill reads from the source.
    static let refillUpdates = 1024
}
