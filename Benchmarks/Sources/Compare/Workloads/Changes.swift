/// Changes of random keys out of a million, the same for the same numbers.
func changes(_ numbers: Range<Int>, bytes: Int) -> [Change] {
    let values = Values(bytes: bytes)
    var random = Random(seed: numbers.lowerBound)
    return numbers.map { number in
        Change(key: key(random.next(below: 1_000_000)), value: values[UInt64(number)])
    }
}

/// Some values of a length, of what `jsonChanges` makes: what compresses as well as what services write does.
struct Values: Sendable {
    private static let count = 1024

    private let values: [[UInt8]]

    init(bytes: Int) {
        let text = jsonChanges(0..<Self.count + 4 * (bytes / 1024 + 1)).map(\.value)
        values = (0..<Self.count).map { number in
            var value: [UInt8] = []
            for part in text[number...] where value.count < bytes { value += part }
            return Array(value.prefix(bytes))
        }
    }

    subscript(number: UInt64) -> [UInt8] { values[Int(number % UInt64(Self.count))] }
}

/// Changes with values as services write them: JSON of about 300 bytes, most of it alike from one to the next.
func jsonChanges(_ numbers: Range<Int>) -> [Change] {
    var random = Random(seed: numbers.lowerBound)
    let regions = ["eu-central", "eu-west", "us-east", "us-west", "ap-south"]
    return numbers.map { number in
        let instance = random.next(below: 5000)
        let text = """
            {"service":"checkout","instance":"i-\(instance)","address":"10.\(instance % 256).\(instance / 256).\
            \(random.next(below: 256)):8443","region":"\(regions[Int(instance % 5)])","healthy":\
            \(random.next(below: 20) != 0),"load":0.\(random.next(below: 1000)),"connections":\
            \(random.next(below: 4000)),"version":"2026.11.\(random.next(below: 30))","tags":["primary","tls",\
            "http2"],"updated":\(1_790_000_000_000 + number * 137),"lease":"\(String(random.next(below: 1 << 40), radix: 16))"}
            """
        return Change(key: "k/services/checkout/i-\(instance)", value: Array(text.utf8))
    }
}
