import Testing
import Threads

@Suite struct YieldingTests {
    /// A core, and how long each takes that is given it.
    private final class Core: Sendable {
        struct State {
            var now = ContinuousClock.now
            var yields = 0
            var other = Duration.zero
            var given = Duration.zero
        }

        private let state = Lock(State())

        var yields: Int { state.withLock { $0.yields } }
        var given: Duration { state.withLock { $0.given } }

        func work(_ time: Duration) { state.withLock { $0.now += time } }
        func share(with other: Duration) { state.withLock { $0.other = other } }

        func yielding() -> Yielding {
            Yielding(clock: { self.state.withLock { $0.now } }, yield: give)
        }

        @Sendable private func give() {
            state.withLock { state in
                state.yields += 1
                state.given += state.other
                state.now += state.other
            }
        }
    }

    @Test func whoeverWaitsHasItsTurnEachTime() {
        let core = Core()
        var yielding = core.yielding()
        for round in 1...1000 {
            core.work(.microseconds(10))
            core.share(with: round % 3 == 0 ? .microseconds(8) : .zero)
            yielding.point()
            #expect(core.yields == round)
        }
    }

    /// Somebody else has work for all of the time, and takes whole turns.
    @Test func notMoreIsGivenAwayThanWasWorked() {
        let core = Core()
        let other = Duration.milliseconds(3)
        core.share(with: other)
        var yielding = core.yielding()
        var worked = Duration.zero
        for _ in 0..<100_000 {
            core.work(.microseconds(10))
            worked += .microseconds(10)
            yielding.point()
            #expect(core.given < worked + other)
        }
        // And not much less.
        #expect(core.given > worked - other)
    }
}
