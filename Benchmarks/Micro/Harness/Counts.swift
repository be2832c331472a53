import Benchmark
import CMallocCount
import Foundation

/// Counts of what the whole process allocates, gives back and flushes; see CMallocCount.
enum Counts {
    /// What other threads, which are just starting, may allocate during the check.
    private static let slack: Int64 = 50

    /// Stops the program unless what the Swift runtime allocates is counted, and flushes are.
    static func verify() {
        final class Object { var next: Object? }
        let objects: Int64 = 1000
        var list: Object?
        counts_start()
        for _ in 0..<objects {
            let object = Object()
            object.next = list
            list = object
        }
        // Not a file: counted all the same.
        fdatasync(-1)
        let counted = counts_stop()
        while let object = list { list = object.next }
        precondition(
            (objects...objects + slack).contains(counted.allocations),
            "\(counted.allocations) allocations counted, not \(objects)")
        precondition(counted.flushes == 1, "\(counted.flushes) flushes counted, not 1")
    }
}

extension Benchmark {
    /// Counts what `body` does, which are so many operations.
    func count(_ operations: Int, _ body: () throws -> Void) rethrows {
        let trace = StackTrace()
        counts_start()
        try body()
        record(counts_stop(), operations)
        trace?.print(operations)
    }

    /// Counts what `body` does, which are so many operations.
    func count(_ operations: Int, _ body: () async throws -> Void) async rethrows {
        let trace = StackTrace()
        counts_start()
        try await body()
        record(counts_stop(), operations)
        trace?.print(operations)
    }

    private func record(_ counts: counts, _ operations: Int) {
        measurement(.allocations, (Int(counts.allocations) * 1000 + operations / 2) / operations)
        measurement(.flushes, (Int(counts.flushes) * 1000 + operations / 2) / operations)
        measurement(.bytes, max(0, Int(counts.bytes) / operations))
    }
}

/// Who allocates, if the environment asks for it: `MICRO_STACKS=10` prints the ten most frequent call stacks.
private struct StackTrace {
    private let limit: Int32

    init?() {
        let wanted = ProcessInfo.processInfo.environment["MICRO_STACKS"]
        guard let limit = wanted.flatMap({ Int32($0) }) else { return nil }
        self.limit = limit
        counts_trace()
    }

    func print(_ operations: Int) {
        FileHandle.standardError.write(Data("\n# of \(operations) operations\n".utf8))
        counts_print_stacks(STDERR_FILENO, limit)
    }
}
