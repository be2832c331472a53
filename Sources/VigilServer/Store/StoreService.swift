import GRPCServer
import Vigil
import WireMessages

/// `vigil.v1.Store`: the store in its own words, for what the API of etcd has none. Revisions are the store's.
struct StoreService {
    let member: Member

    var store: WatchStore { member.store }

    var methods: [ServedMethod] {
        readMethods + leaseMethods + [
            .store("Commit", .keys(store)) { try await commit($0) },
            .store("Cursors", .root) { try cursors($0) },
            .store("SetCursor", .root) { try await set($0) },
            .store("RemoveCursor", .root) { try await remove($0) },
            .streaming("/vigil.v1.Store/Watch", errors: .store, isLasting: true) { call, credentials in
                try await StoreWatchStream(call, member, credentials).run()
            },
        ] + upkeepMethods
    }

    // MARK: Writing

    private func commit(_ request: WireCommitRequest) async throws -> WireCommitResponse {
        let transactions = try request.transactions.map { transaction in
            Transaction(then: try transaction.operations.map { try Transaction.Operation($0) })
        }
        var response = WireCommitResponse()
        try member.alarms.requireWritable(grows: request.puts)
        let outcomes = try await store.transactions(transactions)
        for case .failure(let error) in outcomes { member.noticed(error) }
        response.outcomes = outcomes.map { WireCommitResponse.Outcome($0) }
        return response
    }

    // MARK: Cursors

    private func cursors(_ request: WireCursorsRequest) throws -> WireCursorsResponse {
        let cursors =
            request.hasName ? try store.cursor(request.name).map { [$0] } ?? [] : try store.cursors()
        var response = WireCursorsResponse()
        response.cursors = cursors.map { WireCursor($0) }
        return response
    }

    private func set(_ request: WireSetCursorRequest) async throws -> WireSetCursorResponse {
        switch request.position {
        case .acknowledged(let revision): try await store.setCursor(request.name, to: .acknowledged(revision))
        case .earliest: try await store.setCursor(request.name, to: .earliest)
        case .now: try await store.setCursor(request.name, to: .now)
        case nil: break
        }
        switch request.holding {
        case .hold(let hold): try await store.setCursor(request.name, hold: CursorHold(hold))
        case .noHold: try await store.setCursor(request.name, hold: nil)
        case nil: break
        }
        return WireSetCursorResponse()
    }

    private func remove(_ request: WireRemoveCursorRequest) async throws -> WireRemoveCursorResponse {
        var response = WireRemoveCursorResponse()
        response.isRemoved = try await store.removeCursor(request.name)
        return response
    }
}

extension WireCommitRequest {
    /// Whether any step puts something.
    fileprivate var puts: Bool {
        transactions.contains { $0.operations.contains { $0.operation?.puts ?? false } }
    }
}

extension WireOperation.OneOf_Operation {
    fileprivate var puts: Bool {
        switch self {
        case .put, .leasedPut: true
        case .delete, .deleteRange: false
        }
    }
}

extension Transaction.Operation {
    fileprivate init(_ wire: WireOperation) throws {
        switch wire.operation {
        case .put(let put): self = .put(Bytes(put.key), Bytes(put.value))
        case .leasedPut(let put): self = .put(Bytes(put.key), Bytes(put.value), lease: .lease(put.lease))
        case .delete(let key): self = .delete(Bytes(key))
        case .deleteRange(let keys): self = .deleteRange(try KeyRange(keys), returnsPrevious: false)
        case nil: throw MalformedMessage("a step of a transaction does nothing")
        }
    }
}

extension WireCommitResponse.Outcome {
    fileprivate init(_ outcome: Result<TransactionResult, StoreError>) {
        self.init()
        switch outcome {
        case .success(let result):
            if result.changed { revision = result.revision }
            for case .delete(let count, _) in result.outputs { deleted += Int64(count) }
        case .failure(let error):
            self.error = WireError(error)
        }
    }
}
