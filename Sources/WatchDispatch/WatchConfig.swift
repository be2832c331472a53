/// Sizes of the live path.
public struct WatchConfig: Sendable, Hashable {
    /// Whether there is a live path at all. Without it `notify` does nothing and watchers end at once.
    public var enabled = true
    /// What the sizes may be: of the queue, and of the buffer of each watcher.
    public static let sizes = 1...16_777_216

    /// Updates that may wait for the dispatcher; what comes on top is dropped. One of ``sizes``.
    public var eventQueueSize = 1000
    /// Updates that may wait for one watcher, unless it asks for another size. One of ``sizes``.
    public var watcherBufferSize = 10
    /// Whether everything is counted, and not only what was dropped.
    public var enableMetrics = false

    /// The defaults, but for what is given.
    public init(
        enabled: Bool = true, eventQueueSize: Int = 1000, watcherBufferSize: Int = 10, enableMetrics: Bool = false
    ) {
        self.enabled = enabled
        self.eventQueueSize = eventQueueSize
        self.watcherBufferSize = watcherBufferSize
        self.enableMetrics = enableMetrics
    }
}
