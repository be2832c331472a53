/// The bounds of the journal, each in one place.
enum JournalLimits {
    /// How large a segment is unless said otherwise, in bytes.
    static let segmentBytes = 8 << 20
    /// The smallest and the largest segment, in bytes. Their sizes are multiples of 4096.
    static let segmentBytesAllowed = (64 << 10)...(1 << 30)
    /// How many segments there are at most unless said otherwise.
    static let maximumSegments = 10
    /// The numbers that a segment can have: 0 to 255.
    static let segmentNumbers = 256
    /// What a frame claims as the length of its payload before compression, at most, in bytes.
    static let rawBytes = 256 << 20
    /// Epochs are below this; a greater one is not ours.
    static let epochs: UInt64 = 1 << 62
    /// How many bytes of zeros one write puts into a new segment.
    static let fillBytes = 1 << 20
    /// How long a writer tries to get the lock, in milliseconds: a reader may hold it for an instant.
    static let lockMilliseconds = 250
    /// How long it waits between two attempts, in milliseconds.
    static let lockPauseMilliseconds = 5
    /// How often a published head is read anew while its two copies differ.
    static let headAttempts = 100
    /// How often a watcher of the head looks where the system does not tell of changes, in milliseconds.
    static let pollMilliseconds = 10
}
