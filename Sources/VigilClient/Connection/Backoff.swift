/// How long to wait before a connection is tried again.
struct Backoff {
    private var milliseconds = Limits.backoffMilliseconds.lowerBound

    mutating func next() -> Duration {
        defer { milliseconds = min(milliseconds * 2, Limits.backoffMilliseconds.upperBound) }
        return .milliseconds(Int.random(in: milliseconds / 2...milliseconds))
    }
}
