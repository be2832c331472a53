/// Every bound of this module, in one place.
enum Limits {
    /// Bytes of a status message before it is percent-encoded; what is longer is cut, since it travels in a header.
    static let statusMessageBytes = 1 << 10
    /// Digits of a timeout, as gRPC defines it.
    static let timeoutDigits = 8
}
