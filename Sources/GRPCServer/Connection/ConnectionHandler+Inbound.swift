import Logging
import NIOCore
import NIOHPACK
import NIOHTTP2

extension ConnectionHandler {
    /// Headers begin a call; behind messages they would be trailers, which gRPC's clients do not send.
    func receive(_ headers: HTTP2Frame.FramePayload.Headers, on id: HTTP2StreamID) {
        if streams[id] == nil { open(id, headers.headers) }
        if headers.endStream { inputEnded(id) }
    }

    func receive(_ data: HTTP2Frame.FramePayload.Data, on id: HTTP2StreamID) {
        // What still comes for a call that is over is dropped.
        if case .byteBuffer(let bytes) = data.data, bytes.readableBytes > 0, streams[id]?.isAnswered == false {
            streams[id]!.deframer.append(bytes)
            takeMessages(id)
        }
        if data.endStream { inputEnded(id) }
    }

    func receive(ping: HTTP2PingData, isAnswer: Bool) {
        if isAnswer {
            if ping == HTTP2.shutdownPing { shutdownAcknowledged() }
            return
        }
        // NIO has answered it.
        if sent.takeAnswered() { pings.sent() }
        guard pings.received(at: .now()) else { return }
        server.logger.debug("a client pings too often; closing its connection")
        dismiss(.enhanceYourCalm, "too_many_pings")
    }

    /// Tells the client why, and to go. Closing at once, with bytes of the client unread, would have it see a broken
    /// connection instead.
    private func dismiss(_ code: HTTP2ErrorCode, _ reason: String) {
        write(
            .goAway(lastStreamID: lastStream, errorCode: code, opaqueData: ByteBuffer(string: reason)), on: .rootStream)
        context?.flush()
        isDismissed = true
        let time = TimeAmount.milliseconds(Limits.dismissalMilliseconds)
        context?.eventLoop.assumeIsolated().scheduleTask(in: time) { self.context?.close(promise: nil) }
    }

    /// How much may still come, of a stream or of the connection, after what has come.
    func windowChanged(of id: HTTP2StreamID, to window: Int) {
        guard id == .rootStream else {
            streams[id]?.window = window
            refillWindow(id)
            return
        }
        if window <= Limits.connectionWindowBytes / 2 {
            write(.windowUpdate(windowSizeIncrement: Limits.connectionWindowBytes - window), on: .rootStream)
        }
    }

    /// Lets the client send on, unless the handler has much to read.
    func refillWindow(_ id: HTTP2StreamID) {
        guard let stream = streams[id], !stream.isInputEnded, stream.window <= Limits.streamWindowBytes / 2,
            stream.call?.mayReceiveMore() ?? true
        else { return }
        streams[id]!.window = Limits.streamWindowBytes
        write(.windowUpdate(windowSizeIncrement: Limits.streamWindowBytes - stream.window), on: id)
    }

    private func open(_ id: HTTP2StreamID, _ headers: HPACKHeaders) {
        idle?.used()
        // Whose handlers are this far behind has reset streams faster than they could end. What is refused so is known not
        // to have begun.
        guard calls.count < server.options.maximumStreams * Limits.callsPerStream else {
            write(.rstStream(.refusedStream), on: id)
            return
        }
        lastStream = max(lastStream, id)
        let maximum = server.options.maximumMessageBytes
        streams[id] = StreamState(deframer: Deframer(maximumBytes: maximum))
        if answerPage(id, headers) { return }
        let head: RequestHead
        do throws(RequestHead.Refusal) {
            head = try RequestHead(headers)
        } catch {
            switch error {
            case .http(let status): end(id, with: .http(status))
            case .status(let status): end(id, with: .trailersOnly(status))
            }
            return
        }
        guard let method = server.methods[head.path], let connection else {
            end(id, with: .trailersOnly(Status(.unimplemented, "unknown method \(head.path)")))
            return
        }
        if shutdown != .no, method.isLasting {
            end(id, with: .trailersOnly(server.shutdownStatus))
            return
        }
        guard server.calls.count < server.options.maximumCalls else {
            end(id, with: .trailersOnly(server.options.overloaded))
            return
        }
        let call = Call(
            head, peer: peer, stream: id, method: method, connection: connection, counters: [calls, server.calls],
            maximumMessageBytes: maximum, observer: server.observer)
        streams[id]!.call = call
        if let timeout = head.timeout {
            streams[id]!.deadline = context?.eventLoop.assumeIsolated().scheduleTask(in: timeout) {
                self.abort(call, Status(.deadlineExceeded, "the deadline of the call has passed"))
                self.context?.flush()
            }
        }
        connection.begin(call)
    }

    private func takeMessages(_ id: HTTP2StreamID) {
        guard let call = streams[id]?.call else { return }
        do throws(Status) {
            while let message = try streams[id]?.deframer.next() { call.received(message) }
        } catch {
            abort(call, error)
        }
    }

    private func inputEnded(_ id: HTTP2StreamID) {
        guard let stream = streams[id], !stream.isInputEnded else { return }
        streams[id]!.isInputEnded = true
        guard let call = stream.call else { return }
        if stream.deframer.isInMessage, !stream.isAnswered {
            abort(call, Status(.internalError, "the call ended within a message"))
        } else {
            call.inputEnded()
        }
    }
}
