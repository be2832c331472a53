import NIOCore
import Synchronization

/// A connection to a server of NATS: requests with answers, and subscriptions.
final class NATSConnection: Sendable {
    private static let count = Atomic(0)

    private let link: Link<NATSHandler>
    /// The words that subjects of this connection begin with; the server is ours, so a number is unique enough.
    private let inbox: String
    private let numbers = Atomic(NATSHandler.answers)

    init(port: Int) async throws {
        link = try await Link(port: port)
        inbox = "_INBOX.\(Self.count.wrappingAdd(1, ordering: .relaxed).newValue)"
        let answers = "SUB \(inbox).answer.* \(NATSHandler.answers)\r\n"
        try link.submit { batch in
            batch.bytes.writeString(
                #"CONNECT {"verbose":false,"pedantic":false,"headers":true,"no_responders":true,"lang":"swift","#)
            batch.bytes.writeString(#""version":"1","protocol":1}"# + "\r\n" + answers)
        }
    }

    /// Publishes to `subject` and waits for the answer.
    func request(_ subject: String, _ payload: some Collection<UInt8>) async throws -> ByteBuffer {
        let number = nextNumber()
        return try await link.request { (batch: inout NATSBatch, continuation) in
            batch.bytes.writeString("PUB \(subject) \(inbox).answer.\(number) \(payload.count)\r\n")
            batch.bytes.writeBytes(payload)
            batch.bytes.writeStaticString("\r\n")
            batch.waiting.append((number, continuation))
        }
    }

    /// Subscribes to a subject of its own, and says which, and by what number it is ended.
    func subscribe(_ sink: @escaping NATSWatchSink) throws -> (subject: String, number: Int) {
        let number = nextNumber()
        let subject = "\(inbox).watch.\(number)"
        try link.submit { batch in
            batch.bytes.writeString("SUB \(subject) \(number)\r\n")
            batch.watches.append((number, sink))
        }
        return (subject, number)
    }

    func unsubscribe(_ number: Int) throws {
        try link.submit { batch in
            batch.bytes.writeString("UNSUB \(number)\r\n")
            batch.watches.append((number, nil))
        }
    }

    func stopReading() async throws { try await link.stopReading() }

    func close() async { await link.close() }

    private func nextNumber() -> Int { numbers.wrappingAdd(1, ordering: .relaxed).newValue }
}
