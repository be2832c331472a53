import Vigil

/// Events as they were encoded for one watch of a stream, for the others that see them too. Of the revisions before a few
/// are kept, since watches have several to send when there is much to do.
struct EncodedEvents {
    private struct Entry {
        var revision: Revision
        var range: Range<Int>
    }

    private var encoding = Encoding()
    private var entries: [Entry] = []
    /// Where the next revision is likely to be: watches see the same one after the other.
    private var next = 0

    /// Another watch begins.
    mutating func begin() { next = 0 }

    /// The event of `update`, which has one change, encoded; good until the next is asked for.
    mutating func event(of update: WatchUpdate) -> ArraySlice<UInt8> {
        let revision = update.revision
        if next >= entries.count || entries[next].revision != revision {
            next = entries.firstIndex { $0.revision == revision } ?? add(update)
        }
        let range = entries[next].range
        next += 1
        return encoding.bytes[range]
    }

    private mutating func add(_ update: WatchUpdate) -> Int {
        if entries.count == Limits.encodedEvents || encoding.bytes.count >= Limits.responseBytes { removeAll() }
        let start = encoding.bytes.count
        for event in update { encoding.event(event) }
        entries.append(Entry(revision: update.revision, range: start..<encoding.bytes.count))
        return entries.count - 1
    }

    private mutating func removeAll() {
        encoding.removeAll()
        entries.removeAll(keepingCapacity: true)
    }

    /// Bytes of memory that are kept.
    var keptBytes: Int { encoding.bytes.capacity }

    /// Lets go of the memory that large events took.
    mutating func rest() {
        if keptBytes > Limits.keptBytes { (encoding, entries) = (Encoding(), []) }
    }
}
