/// A first-in, first-out buffer of bounded size whose memory is allocated when something is first stored.
struct Ring<Element> {
    private var slots: [Element?] = []
    private var head = 0
    private(set) var count = 0

    /// Adds `element` to a ring of `capacity`, which must have room and be the same each time.
    mutating func append(_ element: Element, capacity: Int) {
        precondition(count < capacity, "the ring is full")
        if slots.isEmpty { slots = Array(repeating: nil, count: capacity) }
        let index = head + count
        slots[index < slots.count ? index : index - slots.count] = element
        count += 1
    }

    var first: Element? {
        get { count == 0 ? nil : slots[head] }
        set { if count > 0 { slots[head] = newValue } }
    }

    mutating func popFirst() -> Element? {
        guard count > 0 else { return nil }
        let element = slots[head].take()
        head = head + 1 == slots.count ? 0 : head + 1
        count -= 1
        return element
    }
}

extension Ring: Sendable where Element: Sendable {}
