import GRPCWire
import NIOCore
import NIOHPACK

@testable import GRPCServer

extension FuzzTarget {
    /// Bytes of a message, as it comes and decompressed.
    private static let maximumMessage = 1000

    /// The messages of a stream, in order, and whether what came after them was refused.
    private struct Cut: Equatable {
        var messages: [[UInt8]] = []
        var isRefused = false
    }

    /// What a stream brings, cut into messages, wherever frames end: the first byte says how large these are.
    static func messages(_ input: [UInt8]) {
        guard let size = input.first else { return }
        let bytes = input.dropFirst()
        let cut = cut(bytes, piece: Int(size) + 1)
        precondition(cut == self.cut(bytes, piece: max(1, bytes.count)), "messages depend on where frames end")
        for message in cut.messages {
            precondition(message.count <= maximumMessage, "a message has \(message.count) bytes")
            guard let plain = try? Gzip.decompress(ByteBuffer(bytes: message), maximumBytes: maximumMessage) else {
                continue
            }
            precondition(plain.readableBytes <= maximumMessage, "\(plain.readableBytes) bytes are decompressed")
        }
    }

    private static func cut(_ bytes: ArraySlice<UInt8>, piece: Int) -> Cut {
        var deframer = Deframer(maximumBytes: maximumMessage)
        var (rest, cut) = (bytes, Cut())
        while !rest.isEmpty {
            deframer.append(ByteBuffer(bytes: rest.prefix(piece)))
            rest = rest.dropFirst(piece)
            do throws(Status) {
                while let message = try deframer.next() { cut.messages.append(Array(message.bytes.readableBytesView)) }
            } catch {
                cut.isRefused = true
                return cut
            }
        }
        return cut
    }

    /// The headers of a request, a line each, with a colon between name and value; the rest is what a call may be told at
    /// its end.
    static func headers(_ input: [UInt8]) {
        var headers = HPACKHeaders()
        for line in input.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
            // A name may begin with a colon.
            let end = line.dropFirst().firstIndex(of: UInt8(ascii: ":")) ?? line.endIndex
            // NIO passes on no others than names of ASCII.
            let name = String(decoding: line[..<end].map { $0 & 0x7F }, as: UTF8.self)
            let value = String(decoding: line[end...].dropFirst(), as: UTF8.self)
            headers.add(name: name, value: value)
            timeout(value)
        }
        _ = try? RequestHead(headers)
        let text = String(decoding: input.prefix(100), as: UTF8.self)
        precondition(StatusMessage.decode(StatusMessage.encode(text)) == text, "a message changes on its way: \(text)")
        _ = StatusMessage.decode(String(decoding: input, as: UTF8.self))
    }

    private static func timeout(_ text: String) {
        guard let timeout = TimeAmount(timeout: text) else { return }
        precondition(timeout >= .zero, "a timeout of \(text) is \(timeout)")
        guard let again = TimeAmount(timeout: timeout.timeoutText) else {
            preconditionFailure("\(text) is written as \(timeout.timeoutText)")
        }
        precondition(again <= timeout, "\(text) becomes longer: \(timeout.timeoutText)")
    }
}
