import NIOCore
import Vigil

/// Who is logged in: random texts that stand for users for a while, as etcd's simple tokens. Pure: the time is told.
///
/// A token lives on as long as it is used. So that memory stays bounded, what has expired is removed when a token is
/// made, and of too many the one goes that was made first and has not been used since it was last looked at: who had it
/// logs in again, which etcd's clients do by themselves. Passwords are checked so slowly that within the usual five
/// minutes a table never comes to its limit.
struct TokenTable: Sendable {
    struct Login: Sendable, Equatable {
        var user: Bytes
        /// ``AuthState/User/since`` when it was made. A user that has changed since is another.
        var since: UInt64
    }

    private struct Entry: Sendable {
        var login: Login
        var expires: ContinuousClock.Instant
        /// When it is to expire, as far as ``order`` knows.
        var ordered: ContinuousClock.Instant
    }

    private let lifetime: Duration
    private let maximum: Int
    private var entries: [String: Entry] = [:]
    /// All tokens, about in the order in which they expire: a use does not move them, but is found when they are first.
    private var order = CircularBuffer<String>()

    init(lifetime: Duration, maximum: Int = Limits.tokens) {
        self.lifetime = lifetime
        self.maximum = maximum
    }

    var count: Int { entries.count }

    /// Makes a token.
    mutating func add(_ login: Login, now: ContinuousClock.Instant) -> String {
        removeExpired(now: now)
        while entries.count >= maximum { removeUnused() }
        var random = SystemRandomNumberGenerator()
        var token = ""
        for _ in 0..<Limits.tokenBytes / 8 {
            let hex = String(random.next(), radix: 16)
            token += String(repeating: "0", count: 16 - hex.count) + hex
        }
        entries[token] = Entry(login: login, expires: now + lifetime, ordered: now + lifetime)
        order.append(token)
        return token
    }

    /// Whom a token stands for, and from now on for as long again; nil if it is unknown or has expired.
    mutating func use(_ token: String, now: ContinuousClock.Instant) -> Login? {
        guard let entry = entries[token], entry.expires > now else { return nil }
        entries[token]!.expires = now + lifetime
        return entry.login
    }

    mutating func removeAll() {
        entries = [:]
        order = []
    }

    private mutating func removeExpired(now: ContinuousClock.Instant) {
        while let token = order.first, entries[token]!.ordered <= now {
            order.removeFirst()
            if entries[token]!.expires <= now { entries[token] = nil } else { order(token) }
        }
    }

    private mutating func removeUnused() {
        while let token = order.popFirst() {
            let entry = entries[token]!
            if entry.expires == entry.ordered {
                entries[token] = nil
                return
            }
            order(token)
        }
    }

    private mutating func order(_ token: String) {
        entries[token]!.ordered = entries[token]!.expires
        order.append(token)
    }
}
