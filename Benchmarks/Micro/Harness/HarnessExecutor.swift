import Dispatch

/// A thread for the harness itself. It blocks while a benchmark runs; on one of Swift's own threads, of which there are
/// as many as cores, it would take a core from what is measured.
final class HarnessExecutor: TaskExecutor {
    private let queue = DispatchQueue(label: "harness")

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.async { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}
