import Testing
import Threads

@Suite struct YieldingTests {
    /// A core, and how long each takes that is given it.
    private final class Core {
        var now = ContinuousClock.now
        var yields = 0
        var other = Duration.zero
        var given = Duration.zero

        func yielding() -> Yielding {
            Yielding(clock: { self.now }, yield: give)
        }

        private func give() {
            yields += 1
            given += other
            now += other
        }
    }

    @Test func whoeverWaitsHasItsTurnEachTime() {
        let core = Core()
        var yielding = core.yielding()
        for round in 1...1000 {
            core.now += .microseconds(10)
            core.other = round % 3 == 0 ? .microseconds(8) : .zero
            yielding.point()
            #expect(core.yields == round)
        }
    }

    /// Somebody else has work for all of the time, and takes whole turns.
    @Test func notMoreIsGivenAwayThanWasWorked() {
        let core = Core()
        core.other = .milliseconds(3)
        var yielding = core.yielding()
        var worked = Duration.zero
        for _ in 0..<100_000 {
            core.now += .microseconds(10)
            worked += .microseconds(10)
            yielding.point()
            #expect(core.given < worked + core.other)
        }
        // And not much less.
        #expect(core.given > worked - core.other)
    }
}
