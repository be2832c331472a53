import SwiftProtobuf
import WireMessages

/// One thing that both servers are asked.
enum Step {
    case range(EtcdRangeRequest)
    case put(EtcdPutRequest)
    case delete(EtcdDeleteRangeRequest)
    case transaction(EtcdTxnRequest)
    case compact(EtcdCompactionRequest)
    /// A request on one of the streams of watches, by its number.
    case watch(stream: Int, EtcdWatchRequest)
    /// A stream is ended, and another one begun in its place.
    case reopen(stream: Int)
}

extension Step: CustomStringConvertible {
    var description: String {
        switch self {
        case .range(let request): text("Range", request)
        case .put(let request): text("Put", request)
        case .delete(let request): text("DeleteRange", request)
        case .transaction(let request): text("Txn", request)
        case .compact(let request): text("Compact", request)
        case .watch(let stream, let request): text("Watch on stream \(stream)", request)
        case .reopen(let stream): "another stream \(stream)"
        }
    }

    private func text(_ name: String, _ message: some Message) -> String {
        "\(name) \(message.shortText)"
    }
}

extension Message {
    /// All fields on a line, without what is long.
    var shortText: String {
        let line = textFormatString().split(whereSeparator: \.isWhitespace).joined(separator: " ")
        return line.count > 1000 ? "\(line.prefix(1000))… (\(line.count))" : line
    }
}
