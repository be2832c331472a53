import ChildProcess
import Foundation
import GRPCClient
import TestSupport
import Testing

/// How a server ends: nothing that it acknowledged is lost, and it does not take for ever.
@Suite(.timeLimit(.minutes(1))) struct ServeShutdownTests {
    /// Clients that put as fast as they can when it is told to end.
    @Test func losesNothingUnderLoad() async throws {
        try await withCommand { vigil in
            let served = try await Served(vigil)
            let watch = try await served.client.call("/etcdserverpb.Watch/Watch")
            let acknowledged = try await withThrowingTaskGroup(of: [String].self) { group in
                for writer in 0..<8 {
                    group.addTask {
                        let client = try await Served.connect(served.port)
                        var keys: [String] = []
                        while true {
                            let key = "\(writer)/\(keys.count)"
                            guard (try? await client.put(key, "v")) == 0 else { return keys }
                            keys.append(key)
                            if writer == 0, keys.count == 200 { served.process.terminate() }
                        }
                    }
                }
                return try await group.reduce(into: []) { $0 += $1 }
            }
            // The stream of watches ended with a status, and not with the connection.
            #expect(try await watch.answer().status == 14)
            #expect(await served.process.status() == 0)
            #expect(acknowledged.count > 200)
            let stored = Set(try await vigil("ls", "--json").json.compactMap { $0["key"] as? String })
            #expect(stored.isSuperset(of: acknowledged))
            #expect(try await vigil("check", "--deep").status == 0)
        }
    }

    /// A call that never ends is given its time, and no more.
    @Test func isBounded() async throws {
        try await withCommand { vigil in
            let served = try await Served(vigil, "--shutdown-grace", "200ms")
            let hanging = try await served.client.call("/etcdserverpb.KV/Put")
            #expect(try await served.put("a", "1") == 0)
            served.process.terminate()
            #expect(try await hanging.answer().status == 14)
            #expect(await served.process.status() == 0)
        }
    }

    @Test func aSecondSignalEndsItAtOnce() async throws {
        try await withCommand { vigil in
            let served = try await Served(vigil, "--shutdown-grace", "1h")
            // Both are there before the signal, so both are waited for.
            let hanging = try await served.client.call("/etcdserverpb.KV/Put")
            let watch = try await served.client.call("/etcdserverpb.Watch/Watch")
            #expect(try await served.put("a", "1") == 0)
            served.process.terminate()
            // The watch's end says that it is shutting down.
            #expect(try await watch.answer().status == 14)
            served.process.interrupt()
            #expect(await served.process.status() == 130)
            #expect(try await vigil("get", "a").lines == ["1"])
            withExtendedLifetime(hanging) {}
        }
    }

    /// systemd waits for READY, and wants to know when it ends.
    @Test func tellsItsServiceManager() async throws {
        try await withCommand { vigil in
            let manager = try NoticeSocket(path: vigil.directory + "/notify")
            let served = try await Served(vigil, environment: ["NOTIFY_SOCKET": manager.path])
            #expect(manager.next() == "READY=1")
            served.process.terminate()
            #expect(manager.next() == "STOPPING=1")
            #expect(await served.process.status() == 0)
        }
    }
}

/// The socket on which a service manager listens.
private final class NoticeSocket {
    let path: String
    private let descriptor: Int32

    init(path: String) throws {
        self.path = path
        descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let bound = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        try #require(bound == 0)
    }

    deinit { close(descriptor) }

    /// The next message. Blocks.
    func next() -> String {
        var buffer = [UInt8](repeating: 0, count: 256)
        let count = recv(descriptor, &buffer, buffer.count, 0)
        return String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)
    }
}
