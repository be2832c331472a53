#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Has long work on a thread let others have its core, again and again: whoever is woken there would else wait until the
/// system looks, which it may do every four milliseconds only, even while another core is idle.
///
/// Not at any price, since beside work that never sleeps each time costs a whole turn: as long as it has not given away more
/// than it worked.
package struct Yielding: Sendable {
    private let clock: @Sendable () -> ContinuousClock.Instant
    private let yield: @Sendable () -> Void
    /// Since when it works.
    private var resumed: ContinuousClock.Instant
    /// Time worked less time given away.
    private var balance = Duration.zero

    /// The work begins. `clock` and `yield` are the system's, but for tests.
    package init(
        clock: @escaping @Sendable () -> ContinuousClock.Instant = { .now },
        yield: @escaping @Sendable () -> Void = { sched_yield() }
    ) {
        self.clock = clock
        self.yield = yield
        resumed = clock()
    }

    /// A moment at which others may have the core.
    package mutating func point() {
        let now = clock()
        balance += now - resumed
        resumed = now
        guard balance > .zero else { return }
        yield()
        resumed = clock()
        balance -= resumed - now
    }
}
