public import NIOCore
public import NIOHPACK
import NIOHTTP2
import Threads

/// One call of a client, as its handler sees it: messages come in with ``next()``, and go out with ``send(_:)``.
///
/// One task may read while another writes. A call ends when its handler returns or throws; when the client cancels it,
/// its deadline passes or its connection breaks, the handler's task is cancelled, and reading and writing throw the
/// ``Status`` that says why.
public final class Call: Sendable {
    /// What the client asked for.
    public let head: RequestHead
    /// Who asks.
    public let peer: Peer

    let stream: HTTP2StreamID
    let method: Method
    let began = NIODeadline.now()
    private let observer: CallObserver
    let connection: Connection
    private let counters: [CallCounter]
    private let maximumMessageBytes: Int
    let state = Lock(State())
    /// Under a lock of its own, since cancelling runs the handlers of those who wait, and they need the other.
    private let task = Lock<RunningTask?>(nil)

    struct State {
        /// Complete messages that nobody has read.
        var messages = CircularBuffer<Deframer.Message>()
        var unread = 0
        var isInputEnded = false
        /// Whether the client's window was not refilled because too much is unread.
        var owesCredit = false
        /// Bytes sent that have not yet left.
        var unsent = 0
        var hasBegunAnswer = false
        var trailers: HPACKHeaders = [:]
        /// Why the call was over before its handler was.
        var failure: Status?
        var isOver = false
        var readers: [UnsafeContinuation<Void, Never>] = []
        var writers = CircularBuffer<Writer>()
        var lastWriter = 0
        /// The number of the writer whose turn it is; 0 for one that did not have to wait.
        var turn: Int?
    }

    /// Somebody who waits to send.
    struct Writer {
        var number: Int
        var continuation: UnsafeContinuation<Void, Never>
    }

    /// The task of the handler, to be cancelled from elsewhere. Sound: it is stored within the scope that lends it, and
    /// touched with its lock held, which the scope takes to remove it.
    fileprivate struct RunningTask: @unchecked Sendable {
        let task: UnsafeCurrentTask
    }

    init(
        _ head: RequestHead, peer: Peer, stream: HTTP2StreamID, method: Method, connection: Connection,
        counters: [CallCounter], maximumMessageBytes: Int, observer: CallObserver
    ) {
        self.head = head
        self.observer = observer
        self.peer = peer
        self.stream = stream
        self.method = method
        self.connection = connection
        self.counters = counters
        self.maximumMessageBytes = maximumMessageBytes
        for counter in counters { counter.begin() }
        observer.began(method)
    }

    deinit {
        for counter in counters { counter.end() }
    }

    // MARK: For the handler

    /// The next message of the client; nil when it has sent its last.
    ///
    /// - Throws: A ``Status`` if the call is over, `CancellationError` if only the reading task is cancelled.
    public func next() async throws -> ByteBuffer? {
        while true {
            switch try take() {
            case .message(let message, let owesCredit):
                if owesCredit { connection.enqueue(.credit(self)) }
                guard message.isCompressed else { return message.bytes }
                guard head.encoding == .gzip else {
                    throw Status(.internalError, "a message is compressed, and no grpc-encoding says how")
                }
                return try Gzip.decompress(message.bytes, maximumBytes: maximumMessageBytes)
            case .ended: return nil
            case .nothing: try await waitForMessage()
            }
        }
    }

    /// Makes the answer of a call of one message each way before it is known whether it is true. It leaves when the function
    /// that is returned is called with true; with false nobody gets it, and the connection is closed. Until then nothing
    /// leaves on the connection, so that has to happen on this event loop, before anything else does. What the handler
    /// returns does not count any more.
    ///
    /// Nil, and nothing prepared, if the caller is not on the event loop of the connection, or the call is over.
    public func prepareAnswer(_ message: [UInt8]) -> ((_ isTrue: Bool) -> Void)? {
        guard connection.isOnEventLoop else { return nil }
        var messages = OutgoingMessages()
        messages.append(message)
        let framed = messages.framed
        let trailers = state.withLock { state -> HPACKHeaders? in
            guard !state.isOver, !state.hasBegunAnswer else { return nil }
            (state.isOver, state.hasBegunAnswer) = (true, true)
            state.unsent += framed.readableBytes
            return state.trailers
        }
        guard let trailers else { return nil }
        connection.prepare([.message(self, framed, isFirst: true), .end(self, .ok, trailers, isFirst: false)])
        return { [self] isTrue in
            connection.release(isTrue)
            if isTrue { method.counters.sent.add() }
            observer.ended(self, isTrue ? .ok : Status(.unavailable, "its answer would not have been true"))
        }
    }

    /// Waits until the call is over.
    ///
    /// - Throws: Always: as ``next()``.
    public func cancellation() async throws {
        let never = AsyncStream<Void>.makeStream()
        for await _ in never.stream {}
        withExtendedLifetime(never.continuation) {}
        if let failure = state.withLock({ $0.failure }) { throw failure }
        throw CancellationError()
    }

    /// Adds what the client gets with the status at the end.
    public func addTrailers(_ trailers: HPACKHeaders) {
        state.withLock { $0.trailers.add(contentsOf: trailers) }
    }

    // MARK: For the connection

    /// Runs the handler and answers with how it ended.
    func run() async {
        let status = await withUnsafeCurrentTask { current -> Status in
            task.withLock { $0 = current.map { RunningTask(task: $0) } }
            defer { task.withLock { $0 = nil } }
            // After the task is there to be cancelled.
            guard !state.withLock({ $0.isOver }) else { return .ok }
            do {
                try await method.handler(self)
                return .ok
            } catch let status as Status {
                return status
            } catch is CancellationError {
                return Status(.cancelled, "the call was cancelled")
            } catch {
                return Status(.unknown, "\(error)")
            }
        }
        let end = state.withLock { state -> (trailers: HPACKHeaders, isFirst: Bool)? in
            guard !state.isOver else { return nil }
            state.isOver = true
            return (state.trailers, !state.hasBegunAnswer)
        }
        guard let end else { return }
        observer.ended(self, status)
        connection.enqueue(.end(self, status, end.trailers, isFirst: end.isFirst))
    }

    /// A message is complete.
    func received(_ message: Deframer.Message) {
        method.counters.received.add()
        wakeReaders { state in
            guard !state.isOver else { return }
            state.unread += message.cost
            state.messages.append(message)
        }
    }

    /// The client has sent its last message.
    func inputEnded() {
        wakeReaders { $0.isInputEnded = true }
    }

    /// Bytes have left, or never will: whoever has waited longest to send may have room again.
    func sent(_ bytes: Int) {
        let writer = state.withLock { state in
            state.unsent -= bytes
            return state.admitWriter()
        }
        writer?.continuation.resume()
    }

    /// Whether the client may send as much again as was received; if not, the reader will say when it may.
    func mayReceiveMore() -> Bool {
        state.withLock { state in
            state.owesCredit = state.unread >= Limits.unreadBytes
            return !state.owesCredit
        }
    }

    /// Ends the call before its handler does. Returns what to tell the client with, nil if it was told already.
    func abort(_ status: Status) -> (isFirst: Bool, unsent: Int)? {
        let before = state.withLock { state -> State? in
            guard !state.isOver else { return nil }
            let before = state
            state.isOver = true
            state.failure = status
            state.messages.removeAll()
            state.unread = 0
            state.readers = []
            state.writers = []
            return before
        }
        guard let before else { return nil }
        observer.ended(self, status)
        task.withLock { $0?.task.cancel() }
        for continuation in before.readers { continuation.resume() }
        for writer in before.writers { writer.continuation.resume() }
        return (!before.hasBegunAnswer, before.unsent)
    }

    // MARK: With the lock

    private enum Taken {
        case message(Deframer.Message, owesCredit: Bool)
        case ended
        case nothing
    }

    private func take() throws -> Taken {
        try state.withLock { state in
            if let failure = state.failure { throw failure }
            guard let message = state.messages.popFirst() else { return state.isInputEnded ? .ended : .nothing }
            state.unread -= message.cost
            let owesCredit = state.owesCredit && state.unread < Limits.unreadBytes
            if owesCredit { state.owesCredit = false }
            return .message(message, owesCredit: owesCredit)
        }
    }

    private func waitForMessage() async throws {
        await withTaskCancellationHandler {
            await withUnsafeContinuation { continuation in
                let waits = state.withLock { state in
                    guard state.failure == nil, state.messages.isEmpty, !state.isInputEnded, !Task.isCancelled
                    else { return false }
                    state.readers.append(continuation)
                    return true
                }
                if !waits { continuation.resume() }
            }
        } onCancel: {
            wakeReaders { _ in }
        }
        if let failure = state.withLock({ $0.failure }) { throw failure }
        try Task.checkCancellation()
    }

    /// Changes the state and lets those that wait for messages look at it.
    private func wakeReaders(_ change: (inout State) -> Void) {
        let waiting = state.withLock { state in
            change(&state)
            let waiting = state.readers
            if !waiting.isEmpty { state.readers = [] }
            return waiting
        }
        for continuation in waiting { continuation.resume() }
    }
}

extension Deframer.Message {
    /// Bytes that it takes until it is read.
    fileprivate var cost: Int { bytes.readableBytes + Limits.messageOverhead }
}
