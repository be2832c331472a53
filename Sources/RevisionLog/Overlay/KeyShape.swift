import Changes

/// What the keys of a run have in common.
struct KeyShape {
    /// How many bytes they begin with alike. Keys of a store share long beginnings ("services/web/"), which would leave
    /// nothing to decide by to a prefix that contained them.
    private(set) var stem: Int
    private var longest: Int
    private var endsInZero: Bool

    init(_ first: UnsafeRawBufferPointer) {
        (stem, longest, endsInZero) = (first.count, first.count, first.last == 0)
    }

    /// Whether two keys are the same if the eight bytes after the stem are, zeros beyond a key's end.
    var isDecidedByPrefix: Bool { longest <= stem + 8 && !endsInZero }

    /// Takes in `key`, beside those that share the stem with `first`.
    mutating func add(_ key: UnsafeRawBufferPointer, _ first: UnsafeRawBufferPointer) {
        longest = max(longest, key.count)
        endsInZero = endsInZero || key.last == 0
        if compareBytes(.init(rebasing: key.prefix(stem)), .init(rebasing: first.prefix(stem))) == 0 { return }
        stem = commonPrefix(key, first)
    }

    /// That of the keys of two runs, which have `stem` bytes in common.
    static func joined(_ a: KeyShape, _ b: KeyShape, stem: Int) -> KeyShape {
        var joined = a
        joined.stem = stem
        joined.longest = max(a.longest, b.longest)
        joined.endsInZero = a.endsInZero || b.endsInZero
        return joined
    }
}

/// How many bytes two keys begin with alike.
func commonPrefix(_ a: UnsafeRawBufferPointer, _ b: UnsafeRawBufferPointer) -> Int {
    let limit = min(a.count, b.count)
    var count = 0
    while count < limit, a[count] == b[count] { count += 1 }
    return count
}
