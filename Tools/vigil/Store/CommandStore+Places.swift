import Vigil
import VigilClient

// The two places where a store can be.

extension WatchStore: CommandStore {
    var isServed: Bool { false }

    func history(of key: Bytes, limit: Int) throws -> [WatchEvent] {
        try history(of: key, before: nil, limit: limit)
    }

    func commit(_ transactions: [[Transaction.Operation]]) async throws -> [Result<DeleteResult, StoreError>] {
        try await self.transactions(transactions.map { Transaction(then: $0) }).map { $0.map { DeleteResult($0) } }
    }

    func follow(_ keys: KeyRange, from start: WatchStart, options: WatchOptions) throws -> any CommandWatch {
        try watch(keys, from: start, options: options)
    }
}

extension Watch: CommandWatch {
    func next() async throws -> WatchElement? {
        // It keeps nothing of its own between two elements.
        var iterator = makeAsyncIterator()
        return try await iterator.next(isolation: nil)
    }

    func acknowledge() throws {
        try acknowledge(nil)
    }
}

extension StoreClient: CommandStore {
    var isServed: Bool { true }

    func follow(_ keys: KeyRange, from start: WatchStart, options: WatchOptions) async throws -> any CommandWatch {
        try await watch(keys, from: start, options: options)
    }
}

extension RemoteWatch: CommandWatch {}
