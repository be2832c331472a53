/// A durable store whose changes can be watched.
protocol StoreSystem: Sendable {
    var name: String { get }
    /// Opens the store in `directory`, or starts its server there; creates what is not there.
    func open(_ directory: String) async throws -> any OpenStore
}

protocol OpenStore: Sendable {
    /// Access for so many concurrent callers, with as many connections as suit them.
    func session(callers: Int) async throws -> any StoreSession
    /// Adds changes, each a revision of its own, in the fastest way that leaves what single puts would have left.
    /// Gives up at `deadline`; returns how many were made.
    func fill(_ changes: [Change], deadline: Int64) async throws -> Int
    /// Closes the store, or stops its server.
    func shutDown() async throws
    /// Bytes of memory that its server has now; nil if it is in this process.
    var residentBytes: Int? { get }
}

protocol StoreSession: Sendable {
    /// Puts durably; returns the revision. Any number of tasks may call it at once.
    func put(_ key: String, _ value: [UInt8]) async throws -> Int64
    /// Calls `onEvent` with the revision of each change of `keys` from `revision` on, or from now on, until cancelled.
    func watch(
        _ keys: Keys, from revision: Int64?, onEvent: @escaping @Sendable (Int64) -> Void
    ) async throws -> any StoreWatch
    /// Watches and does not read: as slow as a watcher can be. Nil if that cannot be done with this system.
    func stall(_ keys: Keys) async throws -> (any StoreWatch)?
    /// Ends the session; the store stays open.
    func close() async
}

protocol StoreWatch: Sendable { func cancel() async }

struct Change: Sendable {
    let key: String
    let value: [UInt8]
}

/// Which keys to watch. A prefix ends in a slash.
enum Keys: Sendable {
    case key(String)
    case prefix(String)

    /// Every key of ``key(_:)``.
    static let all = Keys.prefix("k/")

}

/// The keys that the workloads write.
func key(_ number: some BinaryInteger) -> String { "k/\(number)" }

extension OpenStore {
    var residentBytes: Int? { nil }

    /// By many callers at once.
    func fill(_ changes: [Change], deadline: Int64) async throws -> Int {
        let callers = min(1024, changes.count)
        let session = try await session(callers: callers)
        let made = try await withThrowingTaskGroup(of: Int.self) { group in
            for caller in 0..<callers {
                group.addTask {
                    var made = 0
                    for index in stride(from: caller, to: changes.count, by: callers) {
                        if now() > deadline { break }
                        _ = try await session.put(changes[index].key, changes[index].value)
                        made += 1
                    }
                    return made
                }
            }
            return try await group.reduce(0, +)
        }
        await session.close()
        return made
    }
}

/// A session that watches the puts which go through it to another, and changes nothing else.
protocol ForwardingSession: StoreSession {
    var session: any StoreSession { get }
}

extension ForwardingSession {
    func watch(
        _ keys: Keys, from revision: Int64?, onEvent: @escaping @Sendable (Int64) -> Void
    ) async throws -> any StoreWatch {
        try await session.watch(keys, from: revision, onEvent: onEvent)
    }

    func stall(_ keys: Keys) async throws -> (any StoreWatch)? { try await session.stall(keys) }

    func close() async { await session.close() }
}
