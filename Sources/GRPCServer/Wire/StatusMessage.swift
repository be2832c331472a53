/// The header `grpc-message`: UTF-8 of which everything but printable ASCII, and the percent sign, is percent-encoded.
enum StatusMessage {
    static func encode(_ message: String) -> String {
        var bytes = Array(message.utf8.prefix(Limits.statusMessageBytes))
        // A character that was cut in two is left out.
        while !bytes.isEmpty, String(validating: bytes, as: UTF8.self) == nil { bytes.removeLast() }
        if bytes.allSatisfy(isPlain) { return String(decoding: bytes, as: UTF8.self) }
        let digits = Array("0123456789ABCDEF".utf8)
        var encoded: [UInt8] = []
        for byte in bytes {
            if isPlain(byte) {
                encoded.append(byte)
            } else {
                encoded += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: encoded, as: UTF8.self)
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        (0x20...0x7E).contains(byte) && byte != UInt8(ascii: "%")
    }
}
