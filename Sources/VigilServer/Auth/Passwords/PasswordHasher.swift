import GRPCServer
import Threads

/// Hashes passwords on threads of its own, few, since each is busy for long and takes much memory. A flood
/// of logins so takes a bounded part of the machine, and who is not part of it waits its turn alone: see ``FairQueue``.
final class PasswordHasher: Sendable {
    private struct Job: Sendable {
        let work: @Sendable () -> Void
    }

    private struct Jobs {
        var waiting = FairQueue<Job>(maximum: Limits.waitingHashes, maximumOfOrigin: Limits.waitingHashesOfOrigin)
        var threads = 0
        var isClosed = false
    }

    private let jobs = Monitor(Jobs())

    deinit {
        jobs.notify { $0.isClosed = true }
    }

    /// Runs `body` on one of the threads, in its turn.
    ///
    /// - Parameter origin: Where it is asked for.
    /// - Throws: A ``Status`` if too much waits, `CancellationError` if the task is cancelled before it is its turn.
    func run<R: Sendable>(from origin: String, _ body: @escaping @Sendable () -> R) async throws -> R {
        let isCancelled = Lock(false)
        let result: R? = try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let job = Job {
                    continuation.resume(returning: isCancelled.withLock { $0 } ? nil : body())
                }
                if !enqueue(job, from: origin) { continuation.resume(throwing: Status.tooManyRequests) }
            }
        } onCancel: {
            isCancelled.withLock { $0 = true }
        }
        guard let result else { throw CancellationError() }
        return result
    }

    /// Whether something of that origin waits.
    func isWaiting(_ origin: String) -> Bool { jobs.withLock { $0.waiting.contains(origin) } }

    private func enqueue(_ job: Job, from origin: String) -> Bool {
        let (isTaken, needsThread) = jobs.notify { jobs -> (Bool, Bool) in
            guard jobs.waiting.append(job, from: origin) else { return (false, false) }
            guard jobs.threads < Limits.hashingThreads else { return (true, false) }
            jobs.threads += 1
            return (true, true)
        }
        if needsThread { startThread() }
        return isTaken
    }

    private func startThread() {
        let jobs = jobs
        _ = OSThread {
            while true {
                let job = jobs.wait { jobs -> Job?? in
                    if let job = jobs.waiting.popFirst() { return job }
                    return jobs.isClosed ? .some(nil) : nil
                }
                guard let job = job ?? nil else { return }
                job.work()
            }
        }
    }
}
