import Foundation
import NIOCore

/// The requests of JetStream that are needed here. Their payloads are JSON, and so are the answers.
extension NATSConnection {
    private static let stream = "store"

    private struct StreamConfiguration: Encodable {
        var name: String
        var subjects = [Subject.all]
        var storage = "file"
        var retention = "limits"
        var numReplicas = 1
        var maxMsgs = -1
        var maxBytes = -1
        var maxMsgsPerSubject = -1
    }

    private struct ConsumerRequest: Encodable {
        var streamName: String
        var config: ConsumerConfiguration
    }

    private struct ConsumerConfiguration: Encodable {
        var deliverSubject: String
        var deliverPolicy: String
        var optStartSeq: Int64?
        var filterSubject: String
        var ackPolicy = "none"
        var replayPolicy = "instant"
        var flowControl = true
        /// In nanoseconds.
        var idleHeartbeat = 5_000_000_000
        var memStorage = true
        var numReplicas = 1
    }

    private struct Answer: Decodable {
        struct Failure: Decodable { var description: String }
        var error: Failure?
        var name: String?
    }

    func createStream() async throws {
        _ = try await ask("$JS.API.STREAM.CREATE.\(Self.stream)", StreamConfiguration(name: Self.stream))
    }

    /// Publishes durably; returns the position in the stream.
    func publish(_ subject: String, _ payload: [UInt8]) async throws -> Int64 {
        // {"stream":"store", "seq":7}, or {"error":{...}}, looked through by hand since there are so many.
        let answer = try await request(subject, payload)
        let field = #""seq":"#.utf8
        let bytes = answer.readableBytesView
        var index = bytes.startIndex
        while let quote = bytes[index...].firstIndex(of: UInt8(ascii: "\"")) {
            if bytes[quote...].starts(with: field) {
                let start = quote + field.count
                let end = bytes[start...].firstIndex { $0 < UInt8(ascii: "0") || $0 > UInt8(ascii: "9") } ?? start
                if let number = answer.number(in: start..<end), number > 0 { return Int64(number) }
            }
            index = quote + 1
        }
        throw PeerError("NATS: \(String(buffer: answer))")
    }

    /// Has what matches sent to `subject`; returns the consumer's name. It acknowledges nothing: the server sends what
    /// it has, as fast as its flow control says that we take it.
    func createConsumer(_ selection: KeySelection, from revision: Int64?, to subject: String) async throws -> String {
        let configuration = ConsumerConfiguration(
            deliverSubject: subject, deliverPolicy: revision == nil ? "new" : "by_start_sequence",
            optStartSeq: revision.map { max($0, 1) }, filterSubject: try Subject.of(selection))
        let request = ConsumerRequest(streamName: Self.stream, config: configuration)
        let answer = try await ask("$JS.API.CONSUMER.CREATE.\(Self.stream)", request)
        guard let name = answer.name else { throw PeerError("NATS did not name the consumer") }
        return name
    }

    func deleteConsumer(_ name: String) async throws {
        _ = try await request("$JS.API.CONSUMER.DELETE.\(Self.stream).\(name)", [])
    }

    private func ask(_ subject: String, _ body: some Encodable) async throws -> Answer {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        let payload = Array(try encoder.encode(body))
        let reply = Data((try await request(subject, payload)).readableBytesView)
        let answer = try JSONDecoder().decode(Answer.self, from: reply)
        if let error = answer.error { throw PeerError("NATS: \(error.description)") }
        return answer
    }
}

extension NATSMessage {
    /// The position in the stream of what a consumer sent. It stands in the subject for the acknowledgement, whose
    /// words are `$JS.ACK`, in newer servers domain and account, then stream, consumer, deliveries, position, and more.
    var streamPosition: Int64? {
        guard let reply, let subject = line.viewBytes(at: reply.lowerBound, length: reply.count) else { return nil }
        let words = subject.split(separator: UInt8(ascii: "."))
        guard words.count >= 9 else { return nil }
        let word = words[words.count > 9 ? 7 : 5]
        return line.number(in: word.startIndex..<word.endIndex).map(Int64.init)
    }
}
