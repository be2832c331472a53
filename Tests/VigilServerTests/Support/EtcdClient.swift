import GRPCClient
import Logging
import NIOCore
import NIOHPACK
import RevisionLog
import SwiftProtobuf
import TestSupport
import WireMessages

@testable import Vigil
@testable import VigilServer

/// Serves a new store for `body`, which talks to it as a client of etcd does.
func withEtcd<R: Sendable>(
    options: EtcdServerOptions = EtcdServerOptions(), _ body: (EtcdClient, WatchStore) async throws -> R
) async throws -> R {
    try await withEtcd(options: options) { client, _, store in try await body(client, store) }
}

func withEtcd<R: Sendable>(
    options: EtcdServerOptions = EtcdServerOptions(), inMemory: Bool = false,
    _ body: (EtcdClient, Int, WatchStore) async throws -> R
) async throws -> R {
    try await withEtcdServer(options: options, inMemory: inMemory) { port, store in
        let client = EtcdClient(try await Client.connect(to: .init(ipAddress: "127.0.0.1", port: port)))
        return try await body(client, port, store)
    }
}

/// The same for those that bring clients of their own.
func withEtcdServer<R: Sendable>(
    options: EtcdServerOptions = EtcdServerOptions(), inMemory: Bool = false,
    _ body: (Int, WatchStore) async throws -> R
) async throws -> R {
    try await withServing(options: options, inMemory: inMemory) { server, store in try await body(server.port, store) }
}

func withServing<R: Sendable>(
    options: EtcdServerOptions = EtcdServerOptions(), inMemory: Bool = false,
    _ body: (EtcdServer, WatchStore) async throws -> R
) async throws -> R {
    try await withTemporaryDirectory(inMemory: inMemory) { directory in
        try await withServing(directory + "/store", options: options, body)
    }
}

/// Serves the store in `path`.
func withServing<R: Sendable>(
    _ path: String, options: EtcdServerOptions = EtcdServerOptions(), faults: JournalFaults? = nil,
    _ body: (EtcdServer, WatchStore) async throws -> R
) async throws -> R {
    var options = options
    options.port = 0
    let store = try await WatchStore.open(path, options: StoreOptions(), faults: faults)
    let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    let server = try await EtcdServer.bind(store, options: options, logger: logger)
    let result = try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await server.run() }
        let result = try await body(server, store)
        group.cancelAll()
        try await group.waitForAll()
        return result
    }
    try await store.close()
    return result
}

/// The calls of etcd's services, with their messages.
struct EtcdClient: Sendable {
    /// How a call was refused.
    struct Refusal: Error, Equatable {
        var code: Int
        var message: String
    }

    let client: Client
    /// Says who asks.
    var token: String?

    init(_ client: Client) {
        self.client = client
    }

    var headers: HPACKHeaders { token.map { ["token": $0] } ?? [:] }

    func call<Response: Message>(
        _ path: String, _ request: some Message, package: String = "etcdserverpb"
    ) async throws -> Response {
        let answer = try await client.unary(
            "/\(package).\(path)", request.serializedBytes(), headers: headers)
        guard answer.status == 0, let message = answer.messages.first else {
            throw Refusal(code: answer.status ?? -1, message: answer.message ?? "")
        }
        return try Response(serializedBytes: message)
    }

    func range(_ key: String, _ end: String = "", _ fill: (inout EtcdRangeRequest) -> Void = { _ in }) async throws
        -> EtcdRangeResponse
    {
        var request = EtcdRangeRequest()
        request.key = .init(key.utf8)
        request.rangeEnd = .init(end.utf8)
        fill(&request)
        return try await call("KV/Range", request)
    }

    @discardableResult
    func put(_ key: String, _ value: String, _ fill: (inout EtcdPutRequest) -> Void = { _ in }) async throws
        -> EtcdPutResponse
    {
        try await call("KV/Put", EtcdPutRequest(key, value, fill))
    }

    @discardableResult
    func delete(_ key: String, _ end: String = "", previous: Bool = false) async throws -> EtcdDeleteRangeResponse {
        var request = EtcdDeleteRangeRequest()
        request.key = .init(key.utf8)
        request.rangeEnd = .init(end.utf8)
        request.prevKv = previous
        return try await call("KV/DeleteRange", request)
    }

    func transaction(_ fill: (inout EtcdTxnRequest) -> Void) async throws -> EtcdTxnResponse {
        var request = EtcdTxnRequest()
        fill(&request)
        return try await call("KV/Txn", request)
    }

    @discardableResult
    func compact(_ revision: Int64) async throws -> EtcdCompactionResponse {
        var request = EtcdCompactionRequest()
        request.revision = revision
        return try await call("KV/Compact", request)
    }

    func watch() async throws -> WatchClient {
        WatchClient(call: try await client.call("/etcdserverpb.Watch/Watch", headers: headers))
    }
}

/// A stream of watches.
struct WatchClient: Sendable {
    let call: ClientCall

    func create(
        _ key: String, _ end: String = "", from revision: Int64 = 0,
        _ fill: (inout EtcdWatchCreateRequest) -> Void = { _ in }
    ) async throws {
        var request = EtcdWatchRequest()
        request.createRequest.key = .init(key.utf8)
        request.createRequest.rangeEnd = .init(end.utf8)
        request.createRequest.startRevision = revision
        fill(&request.createRequest)
        try await call.send(request.serializedBytes())
    }

    func cancel(_ id: Int64) async throws {
        var request = EtcdWatchRequest()
        request.cancelRequest.watchID = id
        try await call.send(request.serializedBytes())
    }

    func requestProgress() async throws {
        var request = EtcdWatchRequest()
        request.progressRequest = EtcdWatchProgressRequest()
        try await call.send(request.serializedBytes())
    }

    /// The next response; fails at the end of the stream.
    func next() async throws -> EtcdWatchResponse {
        guard let message = try await call.next() else {
            throw EtcdClient.Refusal(code: -1, message: "the stream ended")
        }
        return try EtcdWatchResponse(serializedBytes: message)
    }

    /// So many events, of whatever watch, in the order in which they came.
    func events(_ count: Int) async throws -> [EtcdEvent] {
        var events: [EtcdEvent] = []
        while events.count < count { events += try await next().events }
        return events
    }
}

extension EtcdPutRequest {
    init(_ key: String, _ value: String, _ fill: (inout EtcdPutRequest) -> Void = { _ in }) {
        self.init()
        self.key = .init(key.utf8)
        self.value = .init(value.utf8)
        fill(&self)
    }
}

extension EtcdRequestOp {
    static func put(_ key: String, _ value: String) -> EtcdRequestOp {
        .with { $0.requestPut = EtcdPutRequest(key, value) }
    }

    static func get(_ key: String, _ end: String = "", revision: Int64 = 0) -> EtcdRequestOp {
        .with {
            $0.requestRange.key = .init(key.utf8)
            $0.requestRange.rangeEnd = .init(end.utf8)
            $0.requestRange.revision = revision
        }
    }

    static func delete(_ key: String, _ end: String = "") -> EtcdRequestOp {
        .with {
            $0.requestDeleteRange.key = .init(key.utf8)
            $0.requestDeleteRange.rangeEnd = .init(end.utf8)
        }
    }

    static func transaction(_ fill: (inout EtcdTxnRequest) -> Void) -> EtcdRequestOp {
        .with { fill(&$0.requestTxn) }
    }
}

extension EtcdKeyValue {
    /// Key and value as text.
    var text: String { String(decoding: key, as: UTF8.self) + "=" + String(decoding: value, as: UTF8.self) }
}
