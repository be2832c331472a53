#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Runs `body` with the parts of `0..<count`, each on a thread of its own and no more of them than there are processors,
/// and returns what it returned, in order. Blocks. Parts are at least `least` long.
///
/// - Throws: what the first part that failed threw, when all have ended.
package func inParallel<R: Sendable>(
    _ count: Int, least: Int, _ body: @escaping @Sendable (Range<Int>) throws -> R
) throws -> [R] {
    let parts = max(1, min(sysconf(Int32(_SC_NPROCESSORS_ONLN)), count / max(1, least)))
    let ranges = (0..<parts).map { count * $0 / parts..<count * ($0 + 1) / parts }
    let results = ranges.map { _ in Lock<Result<R, any Error>?>(nil) }
    // The first part is this thread's.
    let threads = ranges.indices.dropFirst().map { index in
        OSThread {
            let result = Result { try body(ranges[index]) }
            results[index].withLock { $0 = result }
        }
    }
    let first = Result { try body(ranges[0]) }
    for thread in threads { thread.join() }
    return try [first.get()] + results.dropFirst().map { try $0.withLock { $0! }.get() }
}
