import NIOCore
import NIOHPACK
import NIOHTTP2

extension ConnectionHandler {
    /// Does what tasks have asked for, and writes all of it out together.
    ///
    /// Messages of one call that come together leave in one DATA frame, as far as it holds them: a frame costs more than
    /// a small message.
    func carryOut(_ orders: [Connection.Order]) {
        var gathered: GatheredMessages?
        for order in orders {
            if case .message(let call, let bytes, let isFirst) = order {
                if gathered?.add(bytes, of: call) == true { continue }
                if let gathered { send(gathered) }
                gathered = GatheredMessages(call: call, bytes: bytes, isFirst: isFirst)
            } else {
                if let messages = gathered.take() { send(messages) }
                carryOut(order)
            }
        }
        if let gathered { send(gathered) }
        context?.flush()
    }

    private func carryOut(_ order: Connection.Order) {
        switch order {
        case .message: preconditionFailure("messages are gathered before they are sent")
        case .end(let call, let status, let trailers, let isFirst):
            end(call.stream, with: isFirst ? .trailersOnly(status, trailers) : .trailers(status, trailers))
        case .credit(let call): refillWindow(call.stream)
        case .shutDown: beginShutdown()
        case .close(let status):
            for call in streams.values.compactMap(\.call) { abort(call, status) }
            context?.flush()
            context?.close(promise: nil)
        }
    }

    private func send(_ messages: GatheredMessages) {
        let (call, count) = (messages.call, messages.bytes.readableBytes)
        guard let context, streams[call.stream]?.isAnswered == false else {
            call.sent(count)
            return
        }
        guard unsent + count <= server.options.maximumUnsentBytes else {
            let status = Status(.resourceExhausted, "the client has not taken \(unsent) bytes of answers")
            call.sent(count)
            _ = call.abort(status)
            end(call.stream, with: messages.isFirst ? .trailersOnly(status) : .trailers(status))
            return
        }
        unsent += count
        if messages.isFirst { write(.headers(.init(headers: .response)), on: call.stream) }
        let promise = context.eventLoop.makePromise(of: Void.self)
        promise.futureResult.assumeIsolated().whenComplete { _ in
            self.unsent -= count
            call.sent(count)
        }
        write(.data(.init(data: .byteBuffer(messages.bytes))), on: call.stream, promise: promise)
    }

    /// Ends a call whose handler may still run: with its status, or at once if the client does not take what it was sent.
    func abort(_ call: Call, _ status: Status) {
        guard let told = call.abort(status), streams[call.stream] != nil else { return }
        if told.unsent > 0 {
            streams[call.stream]!.isAnswered = true
            write(.rstStream(.cancel), on: call.stream)
        } else {
            end(call.stream, with: told.isFirst ? .trailersOnly(status) : .trailers(status))
        }
    }

    /// Writes what ends a stream. A client that would send on is told to stop, when it has all of the answer.
    func end(_ id: HTTP2StreamID, with headers: HPACKHeaders, _ body: ByteBuffer? = nil) {
        guard let context, let stream = streams[id], !stream.isAnswered else { return }
        stream.deadline?.cancel()
        streams[id]!.isAnswered = true
        var promise: EventLoopPromise<Void>?
        if !stream.isInputEnded || body != nil {
            let count = body?.readableBytes ?? 0
            unsent += count
            promise = context.eventLoop.makePromise()
            promise!.futureResult.assumeIsolated().whenComplete { result in
                self.unsent -= count
                guard case .success = result, let stream = self.streams[id], !stream.isInputEnded else { return }
                self.write(.rstStream(.noError), on: id)
                self.context?.flush()
            }
        }
        write(.headers(.init(headers: headers, endStream: body == nil)), on: id, promise: body == nil ? promise : nil)
        if let body { write(.data(.init(data: .byteBuffer(body), endStream: true)), on: id, promise: promise) }
    }

    // MARK: Shutdown

    /// Tells the client to make no more calls here, and ends those that would never end.
    func beginShutdown() {
        guard shutdown == .no else { return }
        shutdown = .announced
        write(.goAway(lastStreamID: .maxID, errorCode: .noError, opaqueData: nil), on: .rootStream)
        write(.ping(HTTP2.shutdownPing, ack: false), on: .rootStream)
        for call in streams.values.compactMap(\.call) where call.method.isLasting {
            abort(call, server.shutdownStatus)
        }
    }

    func shutdownAcknowledged() {
        guard shutdown == .announced else { return }
        shutdown = .final
        write(.goAway(lastStreamID: lastStream, errorCode: .noError, opaqueData: nil), on: .rootStream)
        context?.flush()
        closeIfDone()
    }

    /// Closes the connection when the last call of a shutdown has ended; soon, since its end may not be flushed.
    func closeIfDone() {
        guard shutdown == .final, streams.isEmpty, let eventLoop = context?.eventLoop else { return }
        eventLoop.assumeIsolated().execute {
            self.context?.flush()
            self.context?.close(promise: nil)
        }
    }
}

/// Messages of one call that leave together.
private struct GatheredMessages {
    let call: Call
    var bytes: ByteBuffer
    /// Whether nothing was sent before them.
    let isFirst: Bool

    /// Adds the next message; false if it is another call's, or too much for one frame.
    mutating func add(_ message: ByteBuffer, of other: Call) -> Bool {
        guard other === call, bytes.readableBytes + message.readableBytes <= Limits.frameBytes else { return false }
        bytes.writeImmutableBuffer(message)
        return true
    }
}
