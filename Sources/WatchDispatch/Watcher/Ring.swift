/// A first-in, first-out buffer of bounded size whose memory is allocated when something is first stored, and not touched
/// before it holds something.
struct Ring<Element> {
    /// Where the elements are among the slots.
    private struct Place {
        let capacity: Int
        var head = 0
        var count = 0

        /// The slot of the element that comes `offset` after the first.
        func slot(_ offset: Int) -> Int {
            let slot = head + offset
            return slot < capacity ? slot : slot - capacity
        }
    }

    private final class Slots: ManagedBuffer<Place, Element> {
        static func make(_ place: Place) -> ManagedBuffer<Place, Element> {
            create(minimumCapacity: place.capacity) { _ in place }
        }

        deinit {
            withUnsafeMutablePointers { place, slots in
                for offset in 0..<place.pointee.count {
                    (slots + place.pointee.slot(offset)).deinitialize(count: 1)
                }
            }
        }
    }

    private var slots: ManagedBuffer<Place, Element>?

    // By a pointer, as all else here: each access to `header` would be checked at run time.
    var count: Int { slots?.withUnsafeMutablePointerToHeader { $0.pointee.count } ?? 0 }

    /// Adds `element` to a ring of `capacity`, which must have room and be the same each time.
    mutating func append(_ element: Element, capacity: Int) {
        if slots == nil { slots = Slots.make(Place(capacity: capacity)) } else { ownSlots() }
        slots!.withUnsafeMutablePointers { place, slots in
            precondition(place.pointee.count < place.pointee.capacity, "the ring is full")
            // Nothing is read there: it would have to be waited for.
            (slots + place.pointee.slot(place.pointee.count)).initialize(to: element)
            place.pointee.count += 1
        }
    }

    var first: Element? {
        get {
            slots?.withUnsafeMutablePointers { place, slots in
                place.pointee.count == 0 ? nil : slots[place.pointee.head]
            }
        }
        set {
            guard count > 0, let newValue else { return }
            ownSlots()
            slots!.withUnsafeMutablePointers { place, slots in slots[place.pointee.head] = newValue }
        }
    }

    mutating func popFirst() -> Element? {
        guard count > 0 else { return nil }
        ownSlots()
        return slots!.withUnsafeMutablePointers { place, slots in
            let element = (slots + place.pointee.head).move()
            place.pointee.head = place.pointee.slot(1)
            place.pointee.count -= 1
            return element
        }
    }

    /// Copies what another ring refers to too.
    private mutating func ownSlots() {
        guard !isKnownUniquelyReferenced(&slots), let shared = slots else { return }
        slots = shared.withUnsafeMutablePointers { place, from in
            let copy = Slots.make(place.pointee)
            copy.withUnsafeMutablePointerToElements { to in
                for offset in 0..<place.pointee.count {
                    let slot = place.pointee.slot(offset)
                    (to + slot).initialize(to: from[slot])
                }
            }
            return copy
        }
    }
}

// Sound as `@unchecked`: the slots are changed only by who owns the ring, and copied before if another one refers to them.
extension Ring: @unchecked Sendable where Element: Sendable {}
