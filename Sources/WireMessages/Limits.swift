/// Every bound of this module, in one place.
enum Limits {
    /// Bytes that an event takes besides its keys and values, at most.
    static let eventOverhead = 96
    /// Bytes of an error's message, which travels in a header.
    static let errorMessageBytes = 2 << 10
}
