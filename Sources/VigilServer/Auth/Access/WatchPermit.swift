import GRPCServer
import Vigil

/// Whether a watch may go on. It is asked before events are sent, and asks again only if users or roles have changed since:
/// otherwise it costs one look. A token is needed to begin a watch, and may expire while it runs, as in etcd.
struct WatchPermit: Sendable {
    private let keys: KeyRange
    private let credentials: Credentials
    private var login: TokenTable.Login?
    /// ``Auth/changeCount`` when it was asked.
    private var changes: UInt64

    /// - Throws: A ``Status`` if the watch may not begin.
    init(_ keys: KeyRange, _ credentials: Credentials) throws(Status) {
        self.keys = keys
        self.credentials = credentials
        changes = credentials.auth.changeCount
        try take(credentials.caller())
    }

    /// - Throws: ``WatchPermitLost`` if it may no more.
    mutating func check() throws(WatchPermitLost) {
        let now = credentials.auth.changeCount
        guard now != changes else { return }
        changes = now
        do throws(Status) {
            if let login {
                try take(credentials.auth.caller(again: login))
            } else {
                try take(credentials.caller())
            }
        } catch {
            throw WatchPermitLost(status: error)
        }
    }

    private mutating func take(_ caller: Caller?) throws(Status) {
        login = caller?.login
        try caller?.requireRead(keys)
    }
}

/// A watch may not go on.
struct WatchPermitLost: Error {
    var status: Status
}
