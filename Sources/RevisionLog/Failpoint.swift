#if DEBUG
    #if canImport(Darwin)
        import Darwin
    #elseif canImport(Glibc)
        import Glibc
    #elseif canImport(Musl)
        import Musl
    #endif
    import Threads
#endif

/// A step at which a test can have the process killed, in builds for debugging: with `VIGIL_FAILPOINT=checkpointWritten:3`
/// in its environment it is, by SIGKILL, when it gets there for the third time. In other builds there is nothing.
package enum Failpoint: String, CaseIterable, Sendable {
    // A commit.
    case frameWritten, frameFlushed, batchVisible, headPublished
    // The journal.
    case segmentFilled, segmentNamed, segmentTurned, segmentReleased, segmentRemoved
    // A checkpoint.
    case checkpointLogWritten, checkpointStateWritten, checkpointCommitted
    // A compaction.
    case compactionNoted, compactionStepWritten, compactionStepCommitted
    // Sealing.
    case sealingStepWritten, sealingStepCommitted
    // Shrinking.
    case shrinkCopied, shrinkSwapped
    // Acknowledgements of cursors, in whichever transaction takes them along.
    case cursorWritten, cursorCommitted
    // Granting a lease, and forgetting one whose keys are deleted.
    case leaseWritten, leaseCommitted

    #if DEBUG
        /// Arrivals so far at the one that was asked for.
        private static let arrivals = Lock(0)

        private static let wanted: (point: Failpoint, arrival: Int)? = {
            guard let setting = getenv("VIGIL_FAILPOINT").map({ String(cString: $0) }) else { return nil }
            let parts = setting.split(separator: ":")
            guard parts.count == 2, let point = Failpoint(rawValue: String(parts[0])), let arrival = Int(parts[1])
            else { fatalError("VIGIL_FAILPOINT is \(setting); it must be STEP:ARRIVAL, as in frameWritten:3") }
            return (point, arrival)
        }()
    #endif

    /// The process has come to this step.
    @inline(__always)
    static func reach(_ point: Failpoint) {
        #if DEBUG
            guard let wanted, wanted.point == point else { return }
            let isDue = arrivals.withLock { arrivals in
                arrivals += 1
                return arrivals == wanted.arrival
            }
            if isDue { kill(getpid(), SIGKILL) }
        #endif
    }
}
