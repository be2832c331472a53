import GRPCServer
import Threads
import Vigil

/// Sends what comes live to the watches of one stream, all of them in one task: an event that thousands of watches see
/// wakes a task for each stream and not for each watch, and leaves in as few frames as hold it.
///
/// A watch that has something rings its bell, which puts it into `ready`; the task takes all that are ready and asks each.
/// What only its own task can do, such as reading the log, wakes that. Watches that want the same are asked as one, by a
/// ``SharedFeed``.
///
/// While the client does not read it cannot send, and what comes would wait in the buffers of the watches. If that lasts they
/// are parked by the ``StallGuard``.
final class LiveSender: Sendable {
    /// Who has something.
    private enum Ready {
        case watch(FollowedWatch)
        case feed(WatchInterest)
    }

    private struct State {
        var ready: [Ready] = []
        var sender: UnsafeContinuation<Void, Never>?
        /// Those whose events it sends, and how many of them want the same.
        var followed: [ObjectIdentifier: FollowedWatch] = [:]
        var interests: [WatchInterest: Int] = [:]
        /// The watches of the feeds.
        var feeds: [WatchInterest: Watch] = [:]

        /// Whether enough watches want the same.
        func isShared(_ interest: WatchInterest) -> Bool { (interests[interest] ?? 0) >= Limits.sharingWatches }
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
        state.withLock { state in
            state.followed[ObjectIdentifier(watch)] = watch
            if let interest = watch.interest { state.interests[interest, default: 0] += 1 }
        }
        defer { forget(watch) }
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

    private func forget(_ watch: FollowedWatch) {
        let unshared = state.withLock { state -> WatchInterest? in
            state.followed[ObjectIdentifier(watch)] = nil
            guard let interest = watch.interest, let count = state.interests[interest] else { return nil }
            state.interests[interest] = count > 1 ? count - 1 : nil
            return state.isShared(interest) || state.feeds[interest] == nil ? nil : interest
        }
        // It may be the end of the feed.
        if let unshared { ring(.feed(unshared)) }
    }

    /// Sends until the task is cancelled or the call is over.
    func run() async throws {
        let stall = StallGuard { self.state.withLock { $0.followed.values.map(\.watch) + $0.feeds.values } }
        member.begin(stall)
        defer { member.end(stall) }
        var batch = EventBatch(member: member, sharing: true)
        var feeds: [WatchInterest: SharedFeed] = [:]
        while true {
            let ready = await takeReady()
            try Task.checkCancellation()
            try await stall.sending {
                var next = 0
                while next < ready.count {
                    try await call.sendAll { messages in
                        while next < ready.count, messages.bytes < Limits.responseBytes {
                            switch ready[next] {
                            case .watch(let watch): gather(watch, &batch, &feeds, into: &messages)
                            case .feed(let interest):
                                guard gather(interest, &batch, &feeds, into: &messages) else { return }
                            }
                            next += 1
                        }
                    }
                }
            }
            batch.rest()
        }
    }

    /// Waits until there is something; empty if the task is cancelled.
    private func takeReady() async -> [Ready] {
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

    private func ring(_ watch: FollowedWatch) { ring(.watch(watch)) }

    private func ring(_ ready: Ready) {
        let sender = state.withLock { state in
            state.ready.append(ready)
            return state.sender.take()
        }
        sender?.resume()
    }

    /// Adds what a watch has, and lets its task go on if there is something for that.
    private func gather(
        _ watch: FollowedWatch, _ batch: inout EventBatch, _ feeds: inout [WatchInterest: SharedFeed],
        into messages: inout OutgoingMessages
    ) {
        if let interest = watch.interest, feeds[interest]?.leave(watch) == true { return }
        guard let bell = watch.bell else { return }
        watch.begin(&batch)
        var (reading, other) = (LiveReading.elsewhere, EventBatch.Other?.none)
        var turn: FollowedWatch.Turn?
        do {
            reading = try watch.watch.readLive(orElse: bell) { element in
                other = batch.add(element)
                return other == nil && !batch.isFull
            }
            switch other {
            case .progress(let revision): turn = .progress(revision)
            case .large(let update): turn = .large(update)
            case nil: if case .elsewhere = reading { turn = .elsewhere }
            }
        } catch {
            // After what came before it.
            turn = .failed(error)
        }
        if !send(&batch, to: watch, into: &messages) { return }
        if let turn { return watch.end(turn) }
        switch reading {
        case .nothing: share(watch, bell, &feeds)
        // Others first.
        case .stopped: ring(watch)
        case .elsewhere: break
        }
    }

    /// Adds what was read to `messages`. False if the watch may not have it: then its task has been told.
    private func send(
        _ batch: inout EventBatch, to watch: FollowedWatch, into messages: inout OutgoingMessages
    ) -> Bool {
        guard batch.hasMore else { return true }
        do {
            try watch.checkPermit()
        } catch {
            watch.end(.failed(error))
            return false
        }
        sent(watch)
        repeat { batch.takeResponse(into: &messages) } while batch.hasMore
        return true
    }

    // MARK: Watches that want the same

    /// Has a watch that waits read together with others, if there are enough.
    private func share(
        _ watch: FollowedWatch, _ bell: @escaping @Sendable () -> Void, _ feeds: inout [WatchInterest: SharedFeed]
    ) {
        guard let interest = watch.interest, state.withLock({ $0.isShared(interest) }),
            let feed = feeds[interest] ?? begin(interest, watch, &feeds),
            // What the feed has read already the watch has to have from itself.
            feed.watch.resumeRevision <= watch.watch.resumeRevision, let next = watch.watch.rest(orElse: bell)
        else { return }
        feed.add(watch, next: next)
    }

    /// Begins a feed of what `first` and others want. Nil if the store gives no watch.
    private func begin(
        _ interest: WatchInterest, _ first: FollowedWatch, _ feeds: inout [WatchInterest: SharedFeed]
    ) -> SharedFeed? {
        guard let watch = try? first.twin(in: member.store) else { return nil }
        let feed = SharedFeed(watch)
        feeds[interest] = feed
        state.withLock { $0.feeds[interest] = watch }
        ring(.feed(interest))
        return feed
    }

    /// Adds what a feed has to `messages`. False if there is no room for all of it.
    private func gather(
        _ interest: WatchInterest, _ batch: inout EventBatch, _ feeds: inout [WatchInterest: SharedFeed],
        into messages: inout OutgoingMessages
    ) -> Bool {
        guard let feed = feeds[interest] else { return true }
        let turn = feed.turn ?? read(feed, interest, into: &batch)
        feed.turn = turn
        let isGiven = feed.give(&batch) { watch, batch in
            if messages.bytes >= Limits.responseBytes { return .isFull }
            return watch.bell != nil && send(&batch, to: watch, into: &messages) ? .stays : .ends
        }
        guard isGiven else { return false }
        feed.turn = nil
        var released: [FollowedWatch] = []
        switch turn {
        case .waits: break
        case .goesOn: ring(.feed(interest))
        case .progress:
            released = feed.letGo()
            ring(.feed(interest))
        case .ends(let revision): released = feed.letAllGo(at: revision)
        }
        for watch in released { ring(watch) }
        let isEnd = feed.isEmpty && (turn.isEnd || !state.withLock { $0.isShared(interest) })
        if isEnd { end(interest, &feeds) }
        return true
    }

    private func end(_ interest: WatchInterest, _ feeds: inout [WatchInterest: SharedFeed]) {
        feeds[interest] = nil
        state.withLock { $0.feeds[interest] = nil }
    }

    /// Reads what came, live or, a few steps, from the log.
    private func read(
        _ feed: SharedFeed, _ interest: WatchInterest, into batch: inout EventBatch
    ) -> SharedFeed.Turn {
        batch.begin()
        var other: EventBatch.Other?
        let bell: @Sendable () -> Void = { self.ring(.feed(interest)) }
        do {
            for _ in 0..<Limits.sharedSteps {
                let reading = try feed.watch.readLive(orElse: bell) { element in
                    other = batch.add(element)
                    return other == nil && !batch.isFull
                }
                if case .elsewhere = reading {
                    while other == nil, !batch.isFull, let element = try feed.watch.nextAvailable() {
                        other = batch.add(element)
                    }
                }
                switch (other, reading) {
                case (.progress, _): return .progress
                // Each of the watches reads that for itself.
                case (.large(let update), _): return .ends(at: update.revision)
                case (nil, .nothing): return .waits
                case (nil, .stopped): return .goesOn
                case (nil, .elsewhere): if batch.isFull { return .goesOn }
                }
            }
            return batch.isEmpty ? .ends(at: feed.watch.resumeRevision) : .goesOn
        } catch {
            // Each of the watches will find out by itself.
            return .ends(at: feed.watch.resumeRevision)
        }
    }
}
