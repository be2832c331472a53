import Testing

@testable import RevisionLog

@Suite struct CheckpointTimerTests {
    @Test func whatIsDueFirstComesFirst() {
        var options = LogOptions()
        options.checkpointInterval = .seconds(100)
        options.cursorInterval = .seconds(10)
        var timer = CheckpointTimer()
        timer.set(isDirty: false, isAcknowledged: false, options)
        #expect(timer.seconds == nil)
        timer.set(isDirty: true, isAcknowledged: false, options)
        #expect(timer.isCheckpoint && (90...100).contains(timer.seconds ?? 0))
        timer.set(isDirty: true, isAcknowledged: true, options)
        #expect(!timer.isCheckpoint && (5...10).contains(timer.seconds ?? 0))
        timer.set(isDirty: true, isAcknowledged: false, options)
        #expect(timer.isCheckpoint)
        // One commit for both.
        options.checkpointInterval = .seconds(10)
        timer = CheckpointTimer()
        timer.set(isDirty: true, isAcknowledged: true, options)
        #expect(timer.isCheckpoint)
        timer.set(isDirty: false, isAcknowledged: true, options)
        #expect(!timer.isCheckpoint && (5...10).contains(timer.seconds ?? 0))
    }

    /// Acknowledgements that come again and again do not put it off.
    @Test func aTimeThatRunsIsNotStartedAnew() {
        var options = LogOptions()
        options.checkpointInterval = .zero
        options.cursorInterval = .seconds(10)
        var timer = CheckpointTimer()
        timer.set(isDirty: true, isAcknowledged: false, options)
        for _ in 1...3 {
            options.checkpointInterval = .seconds(3600)
            timer.set(isDirty: true, isAcknowledged: true, options)
            #expect(timer.isCheckpoint && timer.seconds == 0)
        }
    }
}
