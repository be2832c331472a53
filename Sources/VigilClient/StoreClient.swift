import GRPCClient
import GRPCWire
import NIOCore
import SwiftProtobuf
import Vigil
import WireMessages

/// A store behind a server (`vigil serve`), with the words and errors of a store that is here.
///
/// ```swift
/// let store = StoreClient(StoreClientOptions(Endpoint("127.0.0.1:2379")!))
/// let revision = try await store.put("greeting", "hello")
/// let watch = try await store.watch(.all, from: .revision(revision))
/// while let element = try await watch.next() { print(element) }
/// await store.close()
/// ```
///
/// It connects when it is first asked for something. A connection that is lost is made again: reads are repeated and
/// watches go on where they were, within ``StoreClientOptions/timeout``. A write is not repeated, since it may have been
/// made. Methods throw `StoreError`s of the store and ``ClientError``s of the way to it.
public final class StoreClient: Sendable {
    let options: StoreClientOptions
    private let connection: Connection

    /// A client of one server.
    public init(_ options: StoreClientOptions) {
        self.options = options
        connection = Connection(options)
    }

    /// Closes the connection. What is asked for afterwards makes another.
    public func close() async {
        await connection.drop()
    }

    // MARK: Calls

    /// One message each way.
    func unary<Response: Message>(
        _ method: String, _ request: some Message & Sendable, isRepeatable: Bool = true
    ) async throws -> Response {
        let bytes: [UInt8] = try request.serializedBytes()
        return try await repeating(isRepeatable) { session in
            let answer = try await session.client.unary(
                Self.path(method), bytes, headers: session.headers, timeout: self.options.timeout.timeAmount)
            try answer.requireSuccess(self.options.endpoint)
            guard let message = answer.messages.first else { throw self.malformed("an answer has no message") }
            return try self.decode(message)
        }
    }

    /// Asks once, and gives `body` each message of the answer. It may take as long as it takes.
    func stream<Response: Message>(
        _ method: String, _ request: some Message & Sendable, _ body: (Response) async throws -> Void
    ) async throws {
        let bytes: [UInt8] = try request.serializedBytes()
        let call = try await repeating(true) { session in
            try await session.client.call(Self.path(method), headers: session.headers)
        }
        do {
            try await call.send(bytes, isLast: true)
            while let message = try await call.next() { try await body(try decode(message)) }
            try await call.answer().requireSuccess(options.endpoint)
        } catch {
            call.cancelSoon()
            throw clientError(error)
        }
    }

    /// A call of any number of messages both ways.
    func call(_ method: String) async throws -> ClientCall {
        do {
            let session = try await connection.session()
            return try await session.client.call(Self.path(method), headers: session.headers)
        } catch {
            throw clientError(error)
        }
    }

    /// Whether there was a connection once.
    var wasConnected: Bool {
        get async { await connection.wasMade }
    }

    /// What is connected does not work any more.
    func disconnected() async {
        await connection.drop()
    }

    /// Runs `body`, and runs it again if the connection is lost, or if nothing of a request can have been carried out. A
    /// server that was never reached is not tried again.
    private func repeating<R: Sendable>(
        _ isRepeatable: Bool, _ body: (Session) async throws -> R
    ) async throws -> R {
        let deadline = ContinuousClock.now + options.timeout
        var backoff = Backoff()
        var isSent = false
        var hasNewToken = false
        while true {
            do {
                let session = try await connection.session()
                isSent = true
                return try await body(session)
            } catch {
                let error = clientError(error)
                guard let reason = error as? ClientError else { throw error }
                if reason.code == .denied, isSent, options.user != nil, !hasNewToken {
                    // The token may be too old, and a new one is had for the password.
                    hasNewToken = true
                } else {
                    guard reason.code == .unreachable, isRepeatable || !isSent, await connection.wasMade,
                        ContinuousClock.now < deadline
                    else { throw error }
                    try await Task.sleep(for: backoff.next())
                }
                await connection.drop()
            }
        }
    }

    // MARK: Messages

    func decode<M: Message>(_ bytes: [UInt8]) throws -> M {
        do {
            return try M(serializedBytes: bytes)
        } catch {
            throw malformed("what came is no \(M.protoMessageName)")
        }
    }

    func malformed(_ reason: String) -> ClientError {
        ClientError(.failed, "\(options.endpoint) answered wrongly: \(reason)")
    }

    /// What the layers below throw, in the words of this one.
    func clientError(_ error: any Error) -> any Error {
        switch error {
        case let status as Status: ClientError(status, options.endpoint)
        case let error as MalformedMessage: malformed(error.description)
        case is ChannelError, is IOError: ClientError(.unreachable, "\(options.endpoint): \(error)")
        default: error
        }
    }

    private static func path(_ method: String) -> String { "/vigil.v1.Store/\(method)" }
}
