public import CHints

/// Has memory fetched that will be read or written soon, and does not wait for it: who goes through many places, each of
/// which would be waited for, says so a little before.
///
/// Public for the reason that ``Lock`` is.
@inlinable @inline(__always)
public func prefetch(_ address: UnsafeRawPointer) {
    vigil_prefetch(address)
}

/// The same for what will be written: it is taken from the other processors too.
@inlinable @inline(__always)
public func prefetchToWrite(_ address: UnsafeRawPointer) {
    vigil_prefetch_to_write(address)
}
