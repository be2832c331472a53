import CDiskShim
import TestSupport
import Vigil

/// Sizes so small that everything that can happen in a store happens within some hundred writes.
func smallOptions(_ durability: Durability) -> StoreOptions {
    var options = StoreOptions(durability: durability)
    options.log.segmentBytes = 64 << 10
    options.log.firstSegmentBytes = 4 << 10
    options.log.segments = 3
    options.log.transactionBytes = 8 << 10
    options.log.checkpointBytes = 12 << 10
    options.log.pendingBytes = 64 << 10
    options.log.checkpointInterval = .milliseconds(10)
    options.log.cursorInterval = .milliseconds(10)
    options.log.mapBytes = 1 << 20
    options.log.versionCacheBytes = 2 << 10
    return options
}

/// What the six tasks of a writer do. It follows from the seed and their own counts, and is what `WriterTrace` in the
/// tests expects.
struct Workload {
    static let writers = 6

    var seed: String
    var tasks = Workload.writers
    /// Writes of each task.
    var count = Int.max
    /// Revisions that a compaction leaves, enough for blocks to be sealed, and how many more there are before it comes.
    var retained: Revision = 600
    var slack: Revision = 100
    /// Whether it gives free pages back now and then.
    var shrinks = false
    /// Whether a cursor's watch reads along.
    var reads = false
    /// Whether leases without keys come and go, which makes no revisions.
    var leases = false
    /// Whether it says what it does.
    var tells = true
    /// Whether it tries again what a full disk refused.
    var isPatient = false

    /// Runs all of them; says `ack REVISION KEY VALUE` of each write, with `-` for a delete.
    func run(_ store: WatchStore) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for writer in 0..<tasks {
                group.addTask { try await write(store, writer) }
            }
            if leases { group.addTask { try await grantAndRevoke(store) } }
            if reads { group.addTask { try await readForEver(store) { _ in } } }
            try await group.waitForAll()
        }
    }

    private func write(_ store: WatchStore, _ writer: Int) async throws {
        var sequence = 0
        while sequence < count {
            sequence += 1
            let key = Bytes("w\(writer)/\(sequence % 7)")
            let value = Bytes("\(seed)-\(writer)-\(sequence)-" + String(repeating: "x", count: sequence % 200))
            try await patiently { try await write(store, writer, sequence, key, value) }
            if shrinks, writer == 0, sequence % 60 == 0 { try await patiently { try await shrink(store) } }
            if writer == 0, sequence % 10 == 0, store.head > store.earliest + retained + slack {
                let revision = store.head - retained
                disk_say("compacting \(revision)")
                try await patiently { try await compact(store, revision) }
                disk_say("compacted \(revision)")
            }
        }
    }

    private func write(
        _ store: WatchStore, _ writer: Int, _ sequence: Int, _ key: Bytes, _ value: Bytes
    ) async throws {
        if sequence % 11 == 0 {
            let result = try await store.delete(key)
            if let revision = result.revision { tell("ack \(revision) \(key) -") }
        } else if sequence % 5 == 0 {
            let result = try await store.transaction(
                Transaction(then: [.put(key, value), .put(Bytes("both/\(writer)"), value)]))
            tell("ack \(result.revision) \(key) \(value)")
        } else if writer % 2 == 0 {
            tell("ack \(try await store.put(key, value, leading: .here)) \(key) \(value)")
        } else {
            tell("ack \(try await store.put(key, value)) \(key) \(value)")
        }
    }

    private func grantAndRevoke(_ store: WatchStore) async throws {
        while true {
            let lease = try await store.grantLease(seconds: 3600)
            try await store.revokeLease(lease.id)
        }
    }

    /// A retention may have been there first.
    private func compact(_ store: WatchStore, _ revision: Revision) async throws {
        do {
            try await store.compact(through: revision)
        } catch let error as StoreError where error.code == .compacted && isPatient {}
    }

    private func patiently(_ body: () async throws -> Void) async throws {
        while true {
            do {
                return try await body()
            } catch let error as StoreError where error.code == .full && isPatient {
                try await Task.sleep(for: .milliseconds(1))
            }
        }
    }

    /// Prints the line; the trace of the disk has it too, if there is one.
    private func tell(_ line: String) {
        guard tells else { return }
        disk_say(line)
        say(line)
    }
}

extension Leading<Revision> {
    /// At once, on the thread that writes; while the disk writes there is nothing to do.
    static var here: Leading { Leading(schedule: { $0() }, prepare: { _ in nil }) }
}

/// Writes until it is killed.
func write(to path: String, seed: String, isSync: Bool) async throws {
    var options = smallOptions(isSync ? .sync : .interval(.milliseconds(5)))
    // Besides what is compacted by hand.
    options.log.retention = Retention(revisions: 420)
    let store = try await WatchStore.open(path, options: options)
    try await Workload(seed: seed, shrinks: true, reads: true, leases: true).run(store)
}

/// Writes a little, closes the store and opens it again, until it is killed.
func writeInSessions(to path: String, seed: String) async throws {
    var session = 0
    while true {
        let store = try await WatchStore.open(path, options: smallOptions(.sync))
        try await Workload(seed: "\(seed).\(session)", count: 60).run(store)
        try await store.close()
        session += 1
    }
}

/// Grants leases, attaches keys and revokes the older ones, until it is killed: `granted ID`, `put ID`, `revoking ID` and
/// `revoked ID`. Each lease has two keys, which have its id for a name.
func writeLeases(_ path: String, from first: Int64, isSync: Bool) async throws {
    let store = try await WatchStore.open(
        path, options: smallOptions(isSync ? .sync : .interval(.milliseconds(5))))
    var id = first
    while true {
        _ = try await store.grantLease(seconds: 3600, id: id)
        say("granted \(id)")
        for key in ["a", "b"] { try await store.put(Bytes("\(id)/\(key)"), "v", lease: id) }
        say("put \(id)")
        if id > first + 5 {
            say("revoking \(id - 5)")
            try await store.revokeLease(id - 5)
            say("revoked \(id - 5)")
        }
        id += 1
    }
}

/// Puts keys whose names do not compress, and deletes all of them, until it is killed: more names than a segment of the
/// journal has room for, every other time. Says `put REVISION COUNT` and `deleted REVISION COUNT`.
func deleteRanges(_ path: String, seed: UInt64, _ isSync: Bool) async throws {
    var random = SeededGenerator(seed)
    let store = try await WatchStore.open(
        path, options: smallOptions(isSync ? .sync : .interval(.milliseconds(5))))
    for round in 1... {
        var revision: Revision = 0
        let parts = round % 2 == 0 ? 40 : 4
        for _ in 0..<parts {
            // 5 kB.
            let puts = (0..<20).map { _ in
                let name = (0..<240).map { _ in UInt8.random(in: 0 ... .max, using: &random) }
                return Transaction.Operation.put(Bytes(Array("k/".utf8) + name), "v")
            }
            revision = try await store.transaction(Transaction(then: puts)).revision
        }
        say("put \(revision) \(parts * 20)")
        let result = try await store.deleteRange(.prefix("k/"))
        say("deleted \(result.revision!) \(result.deleted)")
    }
}

/// Writes with two tasks and reads from the cursor "reader", until it is killed: `read REVISION` before an element is
/// handled, `durable REVISION` when everything through that was acknowledged durably.
func writeAndRead(_ path: String, seed: String) async throws {
    let store = try await WatchStore.open(path, options: smallOptions(.sync))
    try await withThrowingTaskGroup(of: Void.self) { group in
        // Without compactions, and silently.
        group.addTask { try await Workload(seed: seed, tasks: 2, retained: 1 << 40, tells: false).run(store) }
        group.addTask { try await readForEver(store) { say($0) } }
        try await group.waitForAll()
    }
}

/// A cursor's watch, which acknowledges as it reads.
private func readForEver(_ store: WatchStore, _ say: (String) -> Void) async throws {
    while true {
        do {
            let watch = try store.watch(.all, from: .cursor("reader"))
            var handled: Revision = 0
            var count = 0
            for try await element in watch {
                let revision = watch.resumeRevision - 1
                if case .update = element { say("read \(revision)") } else { say("passed \(revision)") }
                count += 1
                if count % 16 == 0 {
                    try await watch.flushAcknowledged()
                    say("durable \(handled)")
                }
                handled = revision
            }
        } catch let error as StoreError where error.code == .compacted {
            try await store.setCursor("reader", to: .earliest)
        }
    }
}

/// Shrinks the store, unless another process follows it.
private func shrink(_ store: WatchStore) async throws {
    do {
        try await store.shrink()
    } catch let error as StoreError where error.code == .locked {}
}
