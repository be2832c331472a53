import NIOCore

/// What waits, by where it comes from: the first of each origin before the second of any. So who asks for much waits
/// behind who asks for little. Bounded in all, and for each origin.
struct FairQueue<Element: Sendable>: Sendable {
    private let maximum: Int
    private let maximumOfOrigin: Int
    private var queues: [String: CircularBuffer<Element>] = [:]
    /// The origins of which something waits, each once.
    private var turns = CircularBuffer<String>()
    private(set) var count = 0

    init(maximum: Int, maximumOfOrigin: Int) {
        self.maximum = maximum
        self.maximumOfOrigin = maximumOfOrigin
    }

    func contains(_ origin: String) -> Bool { queues[origin] != nil }

    /// False if too much waits.
    mutating func append(_ element: Element, from origin: String) -> Bool {
        let waiting = queues[origin]?.count ?? 0
        guard count < maximum, waiting < maximumOfOrigin else { return false }
        if waiting == 0 { turns.append(origin) }
        queues[origin, default: []].append(element)
        count += 1
        return true
    }

    mutating func popFirst() -> Element? {
        guard let origin = turns.popFirst(), let element = queues[origin]?.popFirst() else { return nil }
        count -= 1
        if queues[origin]!.isEmpty { queues[origin] = nil } else { turns.append(origin) }
        return element
    }
}
