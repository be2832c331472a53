/// Every bound of this module, in one place. Those that a user may want to change are fields of ``ClientOptions``.
enum Limits {
    /// GOAWAY frames that are kept for whoever looks at them.
    static let goAways = 16
    /// Bytes of all calls together that may arrive before the connection's flow-control window is refilled. What nobody has
    /// read is bounded by the windows of the calls.
    static let connectionWindowBytes = 1 << 20
    /// PING and SETTINGS frames that a server may send within 30 seconds. Those of Go measure the bandwidth with a PING each
    /// round trip.
    static let controlFrames = 10_000_000
}
