/// Every bound of this module, in one place. Those that a user may want to change are fields of ``StoreClientOptions``.
enum Limits {
    /// How long connecting may take, of the time that a user gives, in seconds.
    static let connectSeconds: Int64 = 5
    /// A connection on which nothing was read for so long is asked whether it is alive, and given up after as long again.
    static let keepaliveSeconds: Int64 = 10
    /// The time before a lost connection is made again, in milliseconds: it doubles from the lower to the upper bound, and
    /// each wait is a random part of it, so that many clients do not come back at once.
    static let backoffMilliseconds = 50...2000
    /// Bytes of an answer's message: the largest of a store's values, with what it held before.
    static let messageBytes = 64 << 20
    /// Bytes of the changes of one revision with what their keys held before, which come in parts.
    static let updateBytes = 2 << 30
    /// Bytes of keys and values that one request to commit has, unless a single transaction is larger.
    static let commitBytes = 1 << 20
}
