/// The entries of two runs as one; of one key that of `newer`, whose batches come `shift` later. `order` compares the keys of
/// two entries whose prefixes are equal.
///
/// Writers wait meanwhile, and there may be hundreds of thousands: so the processor has nothing to guess, which half of the
/// time would be wrong.
func merged(
    _ older: [OverlayRun.Entry], _ newer: [OverlayRun.Entry], shift: UInt32,
    order: (OverlayRun.Entry, OverlayRun.Entry) -> Int
) -> [OverlayRun.Entry] {
    Array(unsafeUninitializedCapacity: older.count + newer.count) { merged, count in
        older.withUnsafeBufferPointer { older in
            newer.withUnsafeBufferPointer { newer in
                count = merge(older, newer, into: merged, shift, order)
            }
        }
    }
}

/// Returns how many there are. `merged` has room for all of both.
private func merge(
    _ older: UnsafeBufferPointer<OverlayRun.Entry>, _ newer: UnsafeBufferPointer<OverlayRun.Entry>,
    into merged: UnsafeMutableBufferPointer<OverlayRun.Entry>, _ shift: UInt32,
    _ order: (OverlayRun.Entry, OverlayRun.Entry) -> Int
) -> Int {
    var (left, right, count) = (0, 0, 0)
    while left < older.count, right < newer.count {
        let (old, new) = (older[left], newer[right])
        let isSame: Bool
        let isNew: Bool
        if old.prefix == new.prefix {
            let order = order(old, new)
            (isSame, isNew) = (order == 0, order >= 0)
        } else {
            (isSame, isNew) = (false, new.prefix < old.prefix)
        }
        var entry = isNew ? new : old
        entry.batch &+= isNew ? shift : 0
        merged[count] = entry
        count += 1
        right += isNew ? 1 : 0
        left += isNew && !isSame ? 0 : 1
    }
    for position in left..<older.count {
        merged[count] = older[position]
        count += 1
    }
    for position in right..<newer.count {
        merged[count] = newer[position]
        merged[count].batch += shift
        count += 1
    }
    return count
}
