import GRPCServer
import Threads
import Vigil

/// Sends what comes live to the watches of one stream, all of them in one task: an event that thousands of watches see
/// wakes a task for each stream and not for each watch, and leaves in as few frames as hold it.
///
/// A watch that has something rings its bell, which puts it into `ready`; the task takes all that are ready and asks each.
/// What only its own task can do, such as reading the log, wakes that.
///
/// While the client does not read it cannot send, and what comes would wait in the buffers of the watches. If that lasts they
/// are parked by the ``StallGuard``.
final class LiveSender: Sendable {
    private struct State {
        var ready: [FollowedWatch] = []
        var sender: UnsafeContinuation<Void, Never>?
        /// Those whose events it sends.
        var followed: [ObjectIdentifier: FollowedWatch] = [:]
    }

    private let call: Call
    private let member: Member
    private let sent: @Sendable (FollowedWatch) -> Void
    private let state = Lock(State())

    /// - Parameter sent: Is called for a watch whose events are about to be sent.
    init(_ call: Call, _ member: Member, sent: @escaping @Sendable (FollowedWatch) -> Void) {
        self.call = call
        self.member = member
        self.sent = sent
    }

    /// Sends what comes to `watch`, from now on. Returns when its own task has to do something.
    func follow(_ watch: FollowedWatch) async -> FollowedWatch.Turn {
        state.withLock { $0.followed[ObjectIdentifier(watch)] = watch }
        defer { state.withLock { _ = $0.followed.removeValue(forKey: ObjectIdentifier(watch)) } }
        return await withTaskCancellationHandler {
            await withUnsafeContinuation { follower in
                if watch.wait(follower, bell: { self.ring(watch) }) {
                    ring(watch)
                } else {
                    follower.resume(returning: .elsewhere)
                }
            }
        } onCancel: {
            watch.cancel()
        }
    }

    /// Sends until the task is cancelled or the call is over.
    func run() async throws {
        let stall = StallGuard { self.state.withLock { $0.followed.values.map(\.watch) } }
        member.begin(stall)
        defer { member.end(stall) }
        var batch = EventBatch(member: member, sharing: true)
        while true {
            let ready = await takeReady()
            try Task.checkCancellation()
            try await stall.sending {
                var next = 0
                while next < ready.count {
                    try await call.sendAll { messages in
                        while next < ready.count, messages.bytes < Limits.responseBytes {
                            gather(ready[next], &batch, into: &messages)
                            next += 1
                        }
                    }
                }
            }
            batch.rest()
        }
    }

    /// Waits until there is something; empty if the task is cancelled.
    private func takeReady() async -> [FollowedWatch] {
        await withTaskCancellationHandler {
            await withUnsafeContinuation { sender in
                let waits = state.withLock { state in
                    guard state.ready.isEmpty, !Task.isCancelled else { return false }
                    state.sender = sender
                    return true
                }
                if !waits { sender.resume() }
            }
        } onCancel: {
            state.withLock { $0.sender.take() }?.resume()
        }
        return state.withLock { state in
            defer { state.ready = [] }
            return state.ready
        }
    }

    private func ring(_ watch: FollowedWatch) {
        let sender = state.withLock { state in
            state.ready.append(watch)
            return state.sender.take()
        }
        sender?.resume()
    }

    /// Adds what a watch has, and lets its task go on if there is something for that.
    private func gather(_ watch: FollowedWatch, _ batch: inout EventBatch, into messages: inout OutgoingMessages) {
        guard let bell = watch.bell else { return }
        watch.begin(&batch)
        var turn: FollowedWatch.Turn?
        do {
            turn = try read(watch, into: &batch, bell)
        } catch {
            // After what came before it.
            turn = .failed(error)
        }
        if !batch.isEmpty {
            do {
                try watch.checkPermit()
                sent(watch)
                repeat { batch.takeResponse(into: &messages) } while batch.hasMore
            } catch {
                turn = .failed(error)
            }
        }
        if let turn { watch.end(turn) }
    }

    /// Returns what its task has to do, if anything.
    private func read(
        _ watch: FollowedWatch, into batch: inout EventBatch, _ bell: @escaping @Sendable () -> Void
    ) throws -> FollowedWatch.Turn? {
        var progress: Revision?
        let reading = try watch.watch.readLive(orElse: bell) { element in
            progress = batch.add(element)
            return progress == nil && !batch.isFull
        }
        switch reading {
        case .nothing: return nil
        case .elsewhere: return .elsewhere
        case .stopped:
            if let progress { return .progress(progress) }
            // Others first.
            ring(watch)
            return nil
        }
    }
}
