package import NIOCore

extension TimeAmount {
    /// The header `grpc-timeout`: up to eight digits and a unit, of H, M, S, m, u and n. Nil if it is malformed.
    package init?(timeout text: String) {
        guard let unit = text.utf8.last, (2...Limits.timeoutDigits + 1).contains(text.utf8.count),
            text.utf8.dropLast().allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
            let number = Int64(text.dropLast())
        else { return nil }
        switch unit {
        case UInt8(ascii: "H"): self = .hours(number)
        case UInt8(ascii: "M"): self = .minutes(number)
        case UInt8(ascii: "S"): self = .seconds(number)
        case UInt8(ascii: "m"): self = .milliseconds(number)
        case UInt8(ascii: "u"): self = .microseconds(number)
        case UInt8(ascii: "n"): self = .nanoseconds(number)
        default: return nil
        }
    }

    /// As the header says it, in the finest unit that has room.
    package var timeoutText: String {
        var number = max(0, nanoseconds)
        for (unit, next) in [("n", Int64(1000)), ("u", 1000), ("m", 1000), ("S", 60), ("M", 60)] {
            if String(number).count <= Limits.timeoutDigits { return "\(number)\(unit)" }
            number /= next
        }
        return "\(number)H"
    }
}
