import Foundation

/// Nanoseconds of a clock that only goes forward.
@inline(__always)
func now() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
}

/// Blocks the thread until `moment`.
func block(until moment: Int64) {
    let rest = moment - now()
    guard rest > 0 else { return }
    var time = timespec(tv_sec: Int(rest / 1_000_000_000), tv_nsec: Int(rest % 1_000_000_000))
    nanosleep(&time, nil)
}

/// Lets the task sleep until `moment`.
func sleep(until moment: Int64) async throws {
    let rest = moment - now()
    if rest > 0 { try await Task.sleep(for: .nanoseconds(rest)) }
}

/// Runs `body`, which may block, on a thread of its own.
func onThread<R: Sendable>(_ body: @escaping @Sendable () -> R) async -> R {
    await withCheckedContinuation { continuation in
        Thread.detachNewThread { continuation.resume(returning: body()) }
    }
}

extension Int64 {
    static func seconds(_ seconds: Double) -> Int64 { Int64(seconds * 1e9) }
    static func milliseconds(_ milliseconds: Double) -> Int64 { Int64(milliseconds * 1e6) }
}
