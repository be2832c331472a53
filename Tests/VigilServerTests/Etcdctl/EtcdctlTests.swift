import ChildProcess
import Foundation
import Logging
import TestSupport
import Testing
import Vigil
import WireMessages

@testable import VigilServer

/// etcd's own command line against this server, where there is one: see ``Programs``.
@Suite(.enabled(if: Etcdctl.path != nil), .timeLimit(.minutes(2))) struct EtcdctlTests {
    @Test func putGetDelete() async throws {
        try await withEtcdctl { etcdctl in
            #expect(try await etcdctl("put", "a", "1") == ["OK"])
            #expect(try await etcdctl("put", "a", "2", "--prev-kv") == ["OK", "a", "1"])
            for key in ["b/1", "b/2", "b/3"] { _ = try await etcdctl("put", key, "v") }
            #expect(try await etcdctl("get", "a") == ["a", "2"])
            #expect(try await etcdctl("get", "a", "--rev", "2") == ["a", "1"])
            #expect(
                try await etcdctl("get", "b/", "--prefix", "--keys-only", "--limit", "2") == ["b/1", "", "b/2", ""])
            let sorted = try await etcdctl(
                "get", "", "--prefix", "--sort-by", "MODIFY", "--order", "DESCEND", "--print-value-only")
            #expect(sorted == ["v", "v", "v", "2"])
            #expect(try await etcdctl("get", "b/2", "--from-key", "--print-value-only") == ["v", "v"])
            #expect(try await etcdctl("del", "b/", "--prefix") == ["3"])
            #expect(try await etcdctl("del", "a", "--prev-kv") == ["1", "a", "2"])
            #expect(try await etcdctl("get", "", "--prefix") == [])
        }
    }

    @Test func transactions() async throws {
        try await withEtcdctl { etcdctl in
            let create = "create(\"lock\") = \"0\"\n\nput lock me\n\nget lock\n\n"
            let created = try await etcdctl("txn", input: create)
            #expect(created == ["SUCCESS", "", "OK"])
            let refused = try await etcdctl("txn", input: create)
            #expect(refused == ["FAILURE", "", "lock", "me"])
            let update = "mod(\"lock\") = \"2\"\nvalue(\"lock\") = \"me\"\n\nput lock you\nget lock\n\n\n"
            let updated = try await etcdctl("txn", input: update)
            #expect(updated == ["SUCCESS", "", "OK", "", "lock", "you"])
        }
    }

    @Test func watchesAndCompactions() async throws {
        try await withEtcdctl { etcdctl in
            for value in ["1", "2", "3"] { _ = try await etcdctl("put", "a", value) }
            let watch = try etcdctl.start("watch", "a", "--rev", "3")
            var lines = watch.lines.makeAsyncIterator()
            var seen: [String] = []
            while seen.count < 6, let line = await lines.next() { seen.append(line) }
            #expect(seen == ["PUT", "a", "2", "PUT", "a", "3"])
            _ = try await etcdctl("del", "a")
            while seen.count < 9, let line = await lines.next() { seen.append(line) }
            #expect(seen.suffix(3) == ["DELETE", "a", ""])
            watch.kill()
            #expect(try await etcdctl("compact", "4") == ["compacted revision 4"])
            let read = try await etcdctl("get", "a", "--rev", "3")
            let watched = try await etcdctl("watch", "a", "--rev", "2")
            #expect(read == nil && watched == nil)
        }
    }

    @Test func endpoints() async throws {
        try await withEtcdctl { etcdctl in
            let health = try await etcdctl("endpoint", "health")
            let status = try await etcdctl("endpoint", "status")
            let members = try await etcdctl("member", "list")
            let alarms = try await etcdctl("alarm", "list")
            #expect(health != nil && alarms == [])
            #expect(status?.first?.contains("3.5.13") == true)
            #expect(members?.first?.contains("vigil") == true)
        }
    }

    @Test func hashesAndDefragmentation() async throws {
        try await withEtcdctl { etcdctl in
            for value in ["1", "2", "3"] { _ = try await etcdctl("put", "a", value) }
            let now = try await etcdctl("endpoint", "hashkv")
            let then = try await etcdctl("endpoint", "hashkv", "--rev", "4")
            let before = try await etcdctl("endpoint", "hashkv", "--rev", "3")
            #expect(now?.count == 1 && now == then && now != before)
            let future = try await etcdctl("endpoint", "hashkv", "--rev", "9")
            #expect(future == nil)
            let defragmented = try await etcdctl("defrag")
            #expect(defragmented?.first?.hasPrefix("Finished defragmenting etcd member") == true)
            let read = try await etcdctl("get", "a", "--rev", "2")
            #expect(read == ["a", "1"])
        }
    }

    /// 10 000 keys of 537 bytes, written by 50 at once and deleted by one request.
    @Test func dataScale() async throws {
        try await withEtcdctl { etcdctl in
            let lines = try await etcdctl("check", "datascale")
            #expect(lines?.last?.hasPrefix("PASS: Approximate system memory used") == true, "\(lines ?? [])")
            #expect(
                try await etcdctl("get", "", "--prefix", "--count-only", "--write-out", "fields")?.last
                    == "\"Count\" : 0")
        }
    }

    /// `alarm list` names what is raised, and `alarm disarm` ends it. (`endpoint health` looks at it from 3.5 on.)
    @Test func alarms() async throws {
        try await withEtcd { etcd, port, _ in
            let etcdctl = Etcdctl(port: port)
            let id = try await etcd.status().header.memberID
            _ = try await etcd.alarm(.activate, .nospace, member: id)
            let listed = try await etcdctl("alarm", "list")
            #expect(listed == ["memberID:\(id) alarm:NOSPACE "])
            let refused = try await etcdctl("put", "a", "1")
            #expect(refused == nil)
            let disarmed = try await etcdctl("alarm", "disarm")
            #expect(disarmed == ["memberID:\(id) alarm:NOSPACE "])
            let none = try await etcdctl("alarm", "list")
            let put = try await etcdctl("put", "a", "1")
            let healthy = try await etcdctl("endpoint", "health")
            #expect(none == [] && put == ["OK"] && healthy != nil)
        }
    }

    @Test func savesASnapshot() async throws {
        try await withTemporaryDirectory { directory in
            try await withEtcdctl { etcdctl in
                _ = try await etcdctl("put", "a", "1")
                let saved = try await etcdctl("snapshot", "save", directory + "/saved")
                #expect(saved?.last == "Snapshot saved at \(directory)/saved")
            }
            try await WatchStore.restore(from: directory + "/saved", to: directory + "/store")
            let store = try await WatchStore.open(directory + "/store")
            #expect(try store.get("a")?.value == "1")
            try await store.close()
        }
    }

    /// What is there and then what changes, with the prefix exchanged.
    @Test func makesAMirror() async throws {
        try await withEtcdctl { etcdctl in
            for key in ["a/1", "a/2", "b/1"] { _ = try await etcdctl("put", key, "old") }
            try await withEtcd { _, port, mirror in
                let mirroring = try etcdctl.start(
                    "make-mirror", "--prefix", "a/", "--dest-prefix", "m/", "127.0.0.1:\(port)")
                var events = try mirror.watch(.all, from: .earliest).events.makeAsyncIterator()
                func next() async throws -> String? {
                    try await events.next().map { "\($0.type) \($0.key) \($0.value)" }
                }
                let there = [try await next(), try await next()]
                #expect(there == ["put m/1 old", "put m/2 old"])
                _ = try await etcdctl("put", "b/2", "new")
                _ = try await etcdctl("put", "a/3", "new")
                _ = try await etcdctl("del", "a/1")
                let changes = [try await next(), try await next()]
                #expect(changes == ["put m/3 new", "delete m/1 "])
                mirroring.kill()
                _ = await mirroring.status()
            }
        }
    }

    @Test func whatOneMemberCannotDo() async throws {
        try await withEtcdctl { etcdctl in
            for arguments in [
                ["member", "add", "two", "--peer-urls=http://127.0.0.1:1"], ["member", "remove", "1234"],
                ["move-leader", "1234"],
            ] {
                let answer = try await etcdctl.run(arguments)
                #expect(answer == nil)
            }
        }
    }
}

/// `etcdctl`, for one server.
struct Etcdctl: Sendable {
    let port: Int
    /// Given to each command. With certificates among them it speaks TLS.
    var options: [String] = []

    static let path = Programs.paths(of: "etcdctl").first

    func start(_ arguments: String..., input: String? = nil) throws -> ChildProcess {
        try start(arguments, input: input)
    }

    private func start(_ arguments: [String], input: String?) throws -> ChildProcess {
        try ChildProcess(
            Self.path!, ["--endpoints", "127.0.0.1:\(port)"] + options + arguments, environment: ["ETCDCTL_API": "3"],
            input: input.map { Array($0.utf8) }, errors: "/dev/null")
    }

    /// Runs it to its end: what it printed, nil if it failed.
    func callAsFunction(_ arguments: String..., input: String? = nil) async throws -> [String]? {
        try await run(arguments, input: input)
    }

    func run(_ arguments: [String], input: String? = nil) async throws -> [String]? {
        let child = try start(arguments, input: input)
        var lines: [String] = []
        for await line in child.lines { lines.append(line) }
        return await child.status() == 0 ? lines : nil
    }
}

private func withEtcdctl(_ body: @Sendable (Etcdctl) async throws -> Void) async throws {
    try await withEtcd { _, port, _ in try await body(Etcdctl(port: port)) }
}
