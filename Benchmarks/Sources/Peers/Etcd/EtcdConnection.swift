import NIOCore
import NIOHPACK
import NIOHTTP2

/// A connection to etcd.
final class EtcdConnection: Sendable {
    static let watchHeaders = headers("/etcdserverpb.Watch/Watch")
    private static let putHeaders = headers("/etcdserverpb.KV/Put")
    private static let rangeHeaders = headers("/etcdserverpb.KV/Range")

    private let link: Link<GRPCHandler>

    init(port: Int) async throws {
        link = try await Link(port: port) { channel in
            var connection = NIOHTTP2Handler.ConnectionConfiguration()
            connection.initialSettings = [
                HTTP2Setting(parameter: .initialWindowSize, value: ReceiveWindow.bytes),
                HTTP2Setting(parameter: .enablePush, value: 0),
            ]
            connection.headerBlockValidation = .disabled
            connection.contentLengthValidation = .disabled
            // The server pings to find out how much is on its way, up to once a round trip.
            connection.controlFrameRateLimit.maximumCount = .max
            let http2 = NIOHTTP2Handler(mode: .client, connectionConfiguration: connection)
            try channel.pipeline.syncOperations.addHandlers([SettingsCompleter(), http2])
        }
    }

    func put(_ key: String, _ value: [UInt8]) async throws -> Int64 {
        try EtcdMessages.revision(of: await call(Self.putHeaders, EtcdMessages.put(key, value)))
    }

    /// Reads a key that need not be there; succeeds if there is a leader.
    func get(_ key: String) async throws {
        _ = try await call(Self.rangeHeaders, EtcdMessages.get(key))
    }

    func watch(
        _ id: Int64, _ selection: KeySelection, from revision: Int64?,
        _ onEvent: @escaping @Sendable (Int64, String) -> Void
    ) async throws {
        let request = EtcdMessages.createWatch(id, selection, from: revision)
        let _: Void = try await link.request { batch, continuation in
            batch.watches.append((id, EtcdWatchSink(created: continuation, onEvent: onEvent)))
            batch.watchRequests.append(request)
        }
    }

    func cancelWatch(_ id: Int64) throws {
        try link.submit { batch in
            batch.watches.append((id, nil))
            batch.watchRequests.append(EtcdMessages.cancelWatch(id))
        }
    }

    func stopReading() async throws { try await link.stopReading() }

    func close() async { await link.close() }

    private func call(_ headers: HPACKHeaders, _ message: ByteBuffer) async throws -> ByteBuffer {
        try await link.request { batch, continuation in
            batch.calls.append(.init(headers: headers, message: message, continuation: continuation))
        }
    }

    private static func headers(_ path: String) -> HPACKHeaders {
        [
            ":method": "POST", ":scheme": "http", ":path": path, ":authority": loopback,
            "content-type": "application/grpc", "te": "trailers",
        ]
    }
}
