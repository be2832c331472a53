import Foundation
import Peers
import Testing

/// A server as the argument of a test.
struct Installed: CustomTestStringConvertible {
    let server: any PeerServer

    var testDescription: String { server.name }
}

/// Runs `body` with the server, in a directory that is gone afterwards.
func withPeer(_ server: any PeerServer, _ body: (any RunningPeer) async throws -> Void) async throws {
    let directory = FileManager.default.temporaryDirectory.appendingPathComponent("vigil-peer-\(UUID())").path
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: directory) }
    let running = try await server.start(directory: directory)
    let result = await Result { try await body(running) }
    await running.process.stop()
    try result.get()
}

extension Result where Failure == any Error {
    fileprivate init(_ body: () async throws -> Success) async {
        do { self = .success(try await body()) } catch { self = .failure(error) }
    }
}

struct Event: Hashable, CustomStringConvertible {
    var revision: Int64
    var key: String

    init(_ revision: Int64, _ key: String) { (self.revision, self.key) = (revision, key) }

    var description: String { "\(revision) \(key)" }
}

/// A watch whose events wait to be asked for.
final class Recorder: Sendable {
    private let events: AsyncStream<Event>
    private let watch: any PeerWatch

    init(_ client: any PeerClient, _ prefix: String, from revision: Int64?) async throws {
        let (events, continuation) = AsyncStream<Event>.makeStream()
        self.events = events
        watch = try await client.watch(prefix: prefix, from: revision) { continuation.yield(Event($0, $1)) }
    }

    func next(_ count: Int) async -> [Event] {
        var taken: [Event] = []
        guard count > 0 else { return taken }
        for await event in events {
            taken.append(event)
            if taken.count == count { break }
        }
        return taken
    }

    func cancel() async { await watch.cancel() }
}
