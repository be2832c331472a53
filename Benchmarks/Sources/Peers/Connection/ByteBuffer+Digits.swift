import NIOCore

extension ByteBuffer {
    /// The number that the digits in `range` are, or nil if there is something else in it.
    func number(in range: Range<Int>) -> Int? {
        guard !range.isEmpty else { return nil }
        var number = 0
        var isNegative = false
        for index in range {
            guard let byte = getInteger(at: index, as: UInt8.self) else { return nil }
            if byte == UInt8(ascii: "-"), index == range.lowerBound {
                isNegative = true
                continue
            }
            guard byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") else { return nil }
            let (tens, overflow) = number.multipliedReportingOverflow(by: 10)
            guard !overflow else { return nil }
            number = tens &+ Int(byte - UInt8(ascii: "0"))
        }
        return isNegative ? -number : number
    }

    /// The index of the first such byte at or after `start`.
    func index(of byte: UInt8, from start: Int) -> Int? {
        guard start < writerIndex else { return nil }
        return viewBytes(at: start, length: writerIndex - start)?.firstIndex(of: byte)
    }

    /// What has not been taken yet, with what has arrived after it.
    mutating func receive(_ more: consuming ByteBuffer) {
        if readableBytes == 0 { self = more } else { writeBuffer(&more) }
    }
}
