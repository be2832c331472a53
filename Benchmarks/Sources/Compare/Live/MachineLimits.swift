import Dispatch
import Synchronization

/// What memory, processor and the language's runtime take for the steps that no store or live path does without: the
/// measured limits of the other figures.
struct MachineLimits: Workload {
    let name = "limits"

    func measure(_ run: Run) async throws -> [Section] {
        let steps = Section(
            "limits", "Limits: memory and processor", axis: "threads",
            metrics: [Metric(id: "time", title: "time of each", unit: .nanoseconds, isCharted: false)],
            text: """
                A read from 64 MiB of memory whose address is what the read before it found, as a look-up in a large \
                table and what it leads to; an atomic addition, alone and where another core adds too, as reference \
                counts and claims of a queue's slot; a delivery, which is a pointer put into the buffers of 100 readers in \
                turn, each under a lock of one atomic exchange, with no reference counted.
                """)
        let hops = Section(
            "hops", "Limits: from a thread through two sleeping tasks", axis: "wake-ups a second",
            metrics: [
                Metric(id: "p50", title: "p50", unit: .nanoseconds),
                Metric(id: "p99", title: "p99", unit: .nanoseconds),
            ],
            text: """
                A thread resumes a task, which resumes another, at an even pace, and nothing else: what lies between \
                `notify` and the consumer's `next()` when dispatcher and consumer sleep.
                """)
        let waits = Section(
            "waits", "Limits: tasks that wait for a thread", axis: "tasks",
            metrics: [Metric(id: "rate", title: "waits", unit: .perSecond)],
            text: """
                Each task asks a thread to resume it and waits, again and again; the thread takes all that wait and has \
                them resumed, and does nothing else: a put without the store.
                """)
        await run.interleave(["the machine"], rounds: run.rounds, name: \.self, in: steps) { _, _ in
            steps.record("time", "read that waits for the one before", 1, chase())
            steps.record("time", "bare delivery", 1, deliveries())
            for threads in [1, 2] {
                steps.record("time", "atomic addition", threads, await additions(threads))
            }
            for rate in [1000, 10_000] {
                let times = await hopping(rate: rate, seconds: 0.5)
                hops.record("p50", "two bare task hops", rate, times.percentile(0.5))
                hops.record("p99", "two bare task hops", rate, times.percentile(0.99))
            }
            for tasks in [1, 64, 512] {
                waits.record(
                    "rate", "bare waits", tasks, await waiting(tasks, seconds: run.choose(quick: 0.3, full: 0.5)))
            }
        }
        return [steps, hops, waits]
    }

    /// Nanoseconds of a read that depends on the one before.
    private func chase() -> Double {
        // One random cycle through all (Sattolo).
        var next = Array(0..<(64 << 20) / MemoryLayout<Int>.size)
        var random = Random(seed: 1)
        for index in stride(from: next.count - 1, to: 0, by: -1) {
            next.swapAt(index, Int(random.next(below: UInt64(index))))
        }
        let reads = 1 << 20
        var place = 0
        let start = now()
        for _ in 0..<reads { place = next[place] }
        let time = Double(now() - start) / Double(reads)
        return place < 0 ? 0 : time
    }

    /// Nanoseconds of each delivery of an update to 100 buffers that have room.
    private func deliveries() -> Double {
        let updates = (0..<1000).map { _ in Shared() }
        let buffers = (0..<100).map { _ in Buffer(capacity: updates.count) }
        var time = Times()
        for _ in 0..<11 {
            let start = now()
            for update in updates {
                let update = Unmanaged.passUnretained(update)
                for buffer in buffers { buffer.append(update) }
            }
            time.add(now() - start)
            for buffer in buffers { buffer.removeAll() }
        }
        return withExtendedLifetime(updates) { time.percentile(0.5)! / Double(updates.count * buffers.count) }
    }

    private func additions(_ threads: Int) async -> Double {
        let shared = Shared()
        let count = 1 << 20
        return await withTaskGroup(of: Double.self) { group in
            for _ in 0..<threads {
                group.addTask {
                    await onThread {
                        let start = now()
                        for _ in 0..<count { shared.number.add(1, ordering: .sequentiallyConsistent) }
                        return Double(now() - start) / Double(count)
                    }
                }
            }
            return await group.reduce(0, max)
        }
    }
}

private final class Shared: Sendable {
    let number = Atomic(0)
}

/// A reader's buffer, and no more: slots of a piece of memory, behind the cheapest lock.
///
/// Sound as `@unchecked Sendable`: only who has set `isTaken` touches the rest.
private final class Buffer: @unchecked Sendable {
    private let isTaken = Atomic(false)
    private var count = 0
    private let slots: UnsafeMutablePointer<(update: Unmanaged<Shared>, record: Int)>

    init(capacity: Int) { slots = .allocate(capacity: capacity) }

    deinit { slots.deallocate() }

    func append(_ update: Unmanaged<Shared>) {
        while isTaken.exchange(true, ordering: .acquiring) {}
        (slots + count).initialize(to: (update, count))
        count += 1
        isTaken.store(false, ordering: .releasing)
    }

    func removeAll() { count = 0 }
}

/// A place where one task sleeps until it is woken with a number.
private final class Bed: Sendable {
    private enum State {
        case empty
        case sleeping(UnsafeContinuation<Int64, Never>)
        case woken(Int64)
    }

    private let state = Mutex(State.empty)

    func sleep() async -> Int64 {
        await withUnsafeContinuation { continuation in
            let woken: Int64? = state.withLock { state in
                if case .woken(let number) = state {
                    state = .empty
                    return number
                }
                state = .sleeping(continuation)
                return nil
            }
            if let woken { continuation.resume(returning: woken) }
        }
    }

    func wake(_ number: Int64) {
        let sleeper: UnsafeContinuation<Int64, Never>? = state.withLock { state in
            guard case .sleeping(let continuation) = state else {
                state = .woken(number)
                return nil
            }
            state = .empty
            return continuation
        }
        sleeper?.resume(returning: number)
    }
}

private func hopping(rate: Int, seconds: Double) async -> Times {
    let (first, second) = (Bed(), Bed())
    let count = Int(Double(rate) * seconds)
    let between = Task.detached {
        while true {
            let moment = await first.sleep()
            second.wake(moment)
            if moment < 0 { return }
        }
    }
    let last = Task.detached {
        var times = Times()
        while true {
            let moment = await second.sleep()
            if moment < 0 { return times }
            times.add(now() - moment)
        }
    }
    await onThread {
        let start = now() + .milliseconds(10)
        for index in 0..<count {
            block(until: start + Int64(index) * 1_000_000_000 / Int64(rate))
            first.wake(now())
        }
        block(until: now() + .milliseconds(10))
        first.wake(-1)
    }
    await between.value
    return await last.value
}

/// How often a second tasks wait.
private func waiting(_ tasks: Int, seconds: Double) async -> Double {
    let desk = Desk()
    let start = now()
    let end = start + .seconds(seconds)
    async let serving: Void = onThread { desk.serve(until: end) }
    let waits = await withTaskGroup(of: Int.self) { group in
        for _ in 0..<tasks {
            group.addTask {
                var count = 0
                while await desk.wait() { count += 1 }
                return count
            }
        }
        return await group.reduce(0, +)
    }
    await serving
    return Double(waits) / (Double(now() - start) / 1e9)
}

/// Where tasks wait for a thread, which resumes all of them together from within the tasks' pool.
private final class Desk: Sendable {
    private struct State {
        var waiting: [UnsafeContinuation<Bool, Never>] = []
        var isClosed = false
    }

    private let state = Mutex(State())
    private let bell = DispatchSemaphore(value: 0)

    /// False when the desk has closed.
    func wait() async -> Bool {
        await withUnsafeContinuation { continuation in
            let (isClosed, isFirst) = state.withLock { state in
                if !state.isClosed { state.waiting.append(continuation) }
                return (state.isClosed, state.waiting.count == 1)
            }
            if isClosed {
                continuation.resume(returning: false)
            } else if isFirst {
                bell.signal()
            }
        }
    }

    func serve(until end: Int64) {
        while true {
            let rest = max(0, end - now())
            let isOver = bell.wait(timeout: .now() + .nanoseconds(Int(rest))) == .timedOut
            let waiting = state.withLock { state in
                state.isClosed = isOver
                defer { state.waiting = [] }
                return state.waiting
            }
            if waiting.count > 8 {
                Task.detached { for continuation in waiting { continuation.resume(returning: !isOver) } }
            } else {
                for continuation in waiting { continuation.resume(returning: !isOver) }
            }
            if isOver { return }
        }
    }
}
