import ChildProcess
import Foundation
import TestSupport
import Testing

/// `etcdctl lock` and `elect` against `vigil serve`: its recipes of leases, transactions and watches, across processes and
/// a server that is killed.
@Suite(.enabled(if: Etcdctl.path != nil), .timeLimit(.minutes(2))) struct LockTests {
    @Test func aLockOutlivesTheServer() async throws {
        try await withCommand { vigil in
            var server = try await EtcdServing(vigil, port: 0)
            let holder = try server.etcdctl("lock", "l")
            var held = holder.lines.makeAsyncIterator()
            let key = try #require(await held.next())
            let waiter = try server.etcdctl("lock", "l")
            var waited = waiter.lines.makeAsyncIterator()
            try await server.wait(forKeys: 2, under: "l/")
            server.process.kill()
            _ = await server.process.status()
            server = try await EtcdServing(vigil, port: server.port)
            // Both are there still, in the same order, and the holder's is the first.
            let keys = try await server.run("get", "l/", "--prefix", "--keys-only", "--sort-by", "CREATE")
            #expect(keys.filter { !$0.isEmpty }.first == key && keys.filter { !$0.isEmpty }.count == 2)
            holder.interrupt()
            let next = await waited.next()
            // The server may have taken the answer to the waiter's put with it, and then the waiter gives up, as etcd's client
            // does. Its lease ends, and who comes later has the lock.
            let later = next == nil ? try server.etcdctl("lock", "l") : waiter
            var granted = later.lines.makeAsyncIterator()
            let last = next == nil ? await granted.next() : next
            #expect(last != nil && last != key)
            later.interrupt()
            _ = await (holder.status(), waiter.status(), later.status())
            #expect(try await server.run("get", "l/", "--prefix", "--keys-only") == [])
            server.process.interrupt()
            #expect(await server.process.status() == 0)
        }
    }

    /// A holder that is killed keeps its lock for as long as its lease was granted for, and no longer.
    @Test func aLockEndsWithItsLease() async throws {
        try await withCommand { vigil in
            let server = try await EtcdServing(vigil, port: 0)
            let holder = try server.etcdctl("lock", "l", "--ttl", "3")
            var held = holder.lines.makeAsyncIterator()
            _ = try #require(await held.next())
            let waiter = try server.etcdctl("lock", "l", "--ttl", "3")
            var waited = waiter.lines.makeAsyncIterator()
            try await server.wait(forKeys: 2, under: "l/")
            holder.kill()
            #expect(await waited.next() != nil)
            waiter.interrupt()
            _ = await waiter.status()
            server.process.kill()
        }
    }

    @Test func anElection() async throws {
        try await withCommand { vigil in
            var server = try await EtcdServing(vigil, port: 0)
            let first = try server.etcdctl("elect", "e", "one")
            var elected = first.lines.makeAsyncIterator()
            _ = try #require(await elected.next())
            #expect(await elected.next() == "one")
            let second = try server.etcdctl("elect", "e", "two")
            var following = second.lines.makeAsyncIterator()
            try await server.wait(forKeys: 2, under: "e/")
            server.process.kill()
            _ = await server.process.status()
            server = try await EtcdServing(vigil, port: server.port)
            first.interrupt()
            _ = try #require(await following.next())
            #expect(await following.next() == "two")
            second.interrupt()
            _ = await (first.status(), second.status())
            server.process.kill()
        }
    }
}

/// `etcdctl`, where it is installed (Debian's `etcd-client`, or `VIGIL_ETCDCTL`).
enum Etcdctl {
    static let path: String? = {
        let environment = ProcessInfo.processInfo.environment
        let folders = (environment["PATH"] ?? "").split(separator: ":").map { "\($0)/etcdctl" }
        return ([environment["VIGIL_ETCDCTL"]].compactMap { $0 } + folders).first {
            FileManager.default.isExecutableFile(atPath: $0)
        }
    }()
}

/// A server that `etcdctl` talks to.
private struct EtcdServing {
    let process: ChildProcess
    let port: Int

    init(_ vigil: Command, port: Int) async throws {
        process = try vigil.start("serve", "--listen", "127.0.0.1:\(port)", "--json")
        var lines = process.lines.makeAsyncIterator()
        let said = try #require(Command.object(await lines.next() ?? ""))
        let address = try #require(said["listen"] as? String)
        self.port = try #require(address.split(separator: ":").last.flatMap { Int($0) })
    }

    func etcdctl(_ arguments: String...) throws -> ChildProcess { try start(arguments) }

    private func start(_ arguments: [String]) throws -> ChildProcess {
        try ChildProcess(
            Etcdctl.path!, ["--endpoints", "127.0.0.1:\(port)"] + arguments, environment: ["ETCDCTL_API": "3"],
            errors: "/dev/null")
    }

    /// What it prints.
    func run(_ arguments: String...) async throws -> [String] {
        let child = try start(arguments)
        var lines: [String] = []
        for await line in child.lines { lines.append(line) }
        #expect(await child.status() == 0)
        return lines
    }

    /// Waits until there are so many keys, by a watch of them.
    func wait(forKeys count: Int, under prefix: String) async throws {
        let watch = try etcdctl("watch", prefix, "--prefix", "--rev", "1")
        var keys: Set<String> = []
        for await line in watch.lines {
            if line.hasPrefix(prefix) { keys.insert(line) }
            if keys.count == count { break }
        }
        watch.kill()
        _ = await watch.status()
    }
}
