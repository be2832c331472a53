/// Every bound of this module, in one place. Those that a user may want to change are fields of ``ClientOptions``.
enum Limits {
    /// GOAWAY frames that are kept for whoever looks at them.
    static let goAways = 16
}
