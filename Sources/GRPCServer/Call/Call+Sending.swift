import NIOCore
import Threads

// Sending. Tasks take turns: who has the turn makes messages when there is room, and the others wait with nothing made.

extension Call {
    /// Sends a message. Waits while more than a bounded amount has not left yet, because the client does not read.
    ///
    /// - Throws: As ``next()``.
    public func send(_ message: [UInt8]) async throws {
        try await send { message }
    }

    /// Sends what `make` returns, if anything. It is called when there is room, and for one task at a time, in the order
    /// in which they came: many tasks that send on a call whose client does not read wait without having made anything.
    ///
    /// - Throws: As ``next()``, and what `make` throws.
    public func send(_ make: () throws -> [UInt8]?) async throws {
        try await sendAll { messages in
            if let message = try make() { messages.append(message) }
        }
    }

    /// The same for any number of messages, which leave together. What `make` has made is not sent if it throws.
    public func sendAll(_ make: (inout OutgoingMessages) throws -> Void) async throws {
        try await sendInParts { messages in
            try make(&messages)
            return false
        }
    }

    /// The same for messages that are larger than what should be in memory at a time: as long as `make` returns true it is
    /// called again when there is room, and may go on within a message. No other task sends before it is done.
    ///
    /// - Throws: As ``next()``, and what `make` throws. Within a message that is the end of the call: its handler must end too,
    ///   since nothing can follow.
    public func sendInParts(_ make: (inout OutgoingMessages) throws -> Bool) async throws {
        try await takeTurn()
        while true {
            let goesOn: Bool
            do {
                goesOn = try sendPart(make)
            } catch {
                endTurn()
                throw error
            }
            guard goesOn else { return endTurn() }
            try await keepTurn()
        }
    }

    private func sendPart(_ make: (inout OutgoingMessages) throws -> Bool) throws -> Bool {
        var messages = OutgoingMessages()
        let goesOn = try make(&messages)
        guard messages.bytes > 0 else { return goesOn }
        let framed = messages.framed
        let isFirst = try state.withLock { state -> Bool? in
            if let failure = state.failure { throw failure }
            // It was answered by what was prepared.
            if state.isOver { return nil }
            state.unsent += framed.readableBytes
            defer { state.hasBegunAnswer = true }
            return !state.hasBegunAnswer
        }
        guard let isFirst else { return false }
        method.counters.sent.add(messages.count)
        connection.enqueue(.message(self, framed, isFirst: isFirst))
        return goesOn
    }

    // MARK: Turns

    /// Waits until there is room and nobody else makes a message.
    private func takeTurn() async throws {
        let number = state.withLock { state -> Int? in
            if state.failure != nil || state.writers.isEmpty && state.takeTurn() { return nil }
            state.lastWriter += 1
            return state.lastWriter
        }
        if let number { await waitForTurn(number) }
        let hasTurn = try state.withLock { state in
            if let failure = state.failure { throw failure }
            return number.map { state.turn == $0 } ?? true
        }
        if !hasTurn { throw CancellationError() }
    }

    /// Waits until there is room again, for who has the turn. It has lost it if this throws.
    private func keepTurn() async throws {
        let number = state.withLock { state -> Int? in
            if state.failure != nil || state.unsent < Limits.unsentBytes { return nil }
            state.lastWriter += 1
            return state.lastWriter
        }
        if let number { await waitForTurn(number, keeping: true) }
        let hasTurn = try state.withLock { state in
            if let failure = state.failure { throw failure }
            return number.map { state.turn == $0 } ?? true
        }
        if hasTurn { return }
        // There may be room by now, of which nobody was told while the turn was kept.
        state.withLock { $0.admitWriter() }?.continuation.resume()
        throw CancellationError()
    }

    /// Before all others if it is `keeping` the turn.
    private func waitForTurn(_ number: Int, keeping: Bool = false) async {
        await withTaskCancellationHandler {
            await withUnsafeContinuation { continuation in
                // There may be room by now, and a cancellation before this moment found nobody waiting.
                let waits = state.withLock { state in
                    if keeping { state.turn = nil }
                    guard state.failure == nil, !Task.isCancelled else { return false }
                    if state.writers.isEmpty || keeping, state.takeTurn(number) { return false }
                    let writer = Writer(number: number, continuation: continuation)
                    if keeping { state.writers.prepend(writer) } else { state.writers.append(writer) }
                    return true
                }
                if !waits { continuation.resume() }
            }
        } onCancel: {
            let writer = state.withLock { state -> Writer? in
                state.writers.firstIndex { $0.number == number }.map { state.writers.remove(at: $0) }
            }
            writer?.continuation.resume()
        }
    }

    private func endTurn() {
        let writer = state.withLock { state in
            state.turn = nil
            return state.admitWriter()
        }
        writer?.continuation.resume()
    }
}

extension Call.State {
    /// Lets one task make a message, if there is room and no other does.
    fileprivate mutating func takeTurn(_ number: Int = 0) -> Bool {
        guard turn == nil, unsent < Limits.unsentBytes else { return false }
        turn = number
        return true
    }

    /// Gives the turn to the writer that has waited longest.
    mutating func admitWriter() -> Call.Writer? {
        guard let writer = writers.first, takeTurn(writer.number) else { return nil }
        writers.removeFirst()
        return writer
    }
}
