import Foundation
import Peers

/// A server on loopback.
struct PeerSystem: StoreSystem {
    let peer: any PeerServer
    var name: String { peer.name }

    func open(_ directory: String) async throws -> any OpenStore {
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        return PeerStore(peer: try await peer.start(directory: directory))
    }

    /// Those that the comparison knows, for the report to name what is absent.
    static let known = ["Vigil server", "etcd", "Redis Streams", "NATS JetStream"]
}

private struct PeerStore: OpenStore {
    let peer: any RunningPeer

    func session(callers: Int) async throws -> any StoreSession {
        PeerSession(client: try await peer.connect(connections: max(1, min(16, callers / 4))))
    }

    func shutDown() async { await peer.process.stop() }

    var residentBytes: Int? { peer.process.residentBytes }
}

private struct PeerSession: StoreSession {
    let client: any PeerClient

    func put(_ key: String, _ value: [UInt8]) async throws -> Int64 { try await client.put(key, value) }

    func watch(
        _ keys: Keys, from revision: Int64?, onEvent: @escaping @Sendable (Int64) -> Void
    ) async throws -> any StoreWatch {
        let watch = try await client.watch(prefix: keys.text, from: revision) { revision, _ in onEvent(revision) }
        return PeerStoreWatch(watch: watch)
    }

    func stall(_ keys: Keys) async throws -> (any StoreWatch)? {
        let watch = try await client.watch(prefix: keys.text, from: nil) { _, _ in }
        guard let pausing = watch as? any PausingWatch else { return nil }
        try await pausing.stopReading()
        return StalledPeerWatch()
    }

    func close() async { await client.close() }
}

private struct PeerStoreWatch: StoreWatch {
    let watch: any PeerWatch

    func cancel() async { await watch.cancel() }
}

/// Ends with the session: to cancel it the server would have to be heard.
private struct StalledPeerWatch: StoreWatch {
    func cancel() async {}
}

extension Keys {
    fileprivate var text: String {
        switch self {
        case .key(let key), .prefix(let key): key
        }
    }
}
