/// A first-in, first-out buffer of bounded size whose memory is allocated when something is first stored, and not touched
/// before it holds something.
///
/// Where the elements are it knows itself, so that to store one touches one place in memory besides. Not to be copied: it
/// owns its memory.
struct Ring<Element>: ~Copyable {
    private var slots: UnsafeMutablePointer<Element>?
    private var head: UInt32 = 0
    private var used: UInt32 = 0
    private let limit: UInt32

    /// For at most `capacity` elements, one of ``WatchConfig/sizes``.
    init(capacity: Int) { limit = UInt32(capacity) }

    deinit {
        for offset in 0..<used { (slots! + slot(offset)).deinitialize(count: 1) }
        slots?.deallocate()
    }

    var count: Int { Int(used) }
    var capacity: Int { Int(limit) }
    var isFull: Bool { used == limit }

    /// The slot of the element that comes `offset` after the first.
    private func slot(_ offset: UInt32) -> Int {
        let slot = head + offset
        return Int(slot < limit ? slot : slot - limit)
    }

    /// Adds `element`; there must be room.
    @inline(__always)
    mutating func append(_ element: consuming Element) {
        precondition(!isFull, "the ring is full")
        if slots == nil { slots = .allocate(capacity: Int(limit)) }
        // Nothing is read there: it would have to be waited for.
        (slots! + slot(used)).initialize(to: element)
        used += 1
    }

    /// Where the next element will lie, for who has it fetched before; nil if there is no memory yet.
    var next: UnsafeRawPointer? { slots.map { UnsafeRawPointer($0 + slot(used)) } }

    var first: Element? {
        get { used == 0 ? nil : slots![Int(head)] }
        set {
            guard used > 0, let newValue else { return }
            slots![Int(head)] = newValue
        }
    }

    mutating func popFirst() -> Element? {
        guard used > 0 else { return nil }
        let element = (slots! + Int(head)).move()
        head = UInt32(slot(1))
        used -= 1
        return element
    }
}

// Sound as `@unchecked`: the slots belong to the ring alone.
extension Ring: @unchecked Sendable where Element: Sendable {}
