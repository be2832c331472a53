import CDiskShim
import Foundation
import TestSupport
import Vigil

/// Everything at once, until it is killed: writers, watches fast and slow and from a cursor, compactions by hand and by
/// retention, sealing, shrinking, backups, checks, and a disk that is full now and then. Says `ack …` as `write` does, and
/// `bad …` of what must not be.
///
/// What sleeps here waits for nothing: a slow reader, and pauses between things that are done again and again, at moments
/// that are meant to be any.
func torture(_ path: String, seed: UInt64) async throws {
    disk_start(URL(fileURLWithPath: path).deletingLastPathComponent().path, nil, 0)
    var random = SeededGenerator(seed)
    var options = smallOptions(random.chance(2) ? .sync : .interval(.milliseconds(5)))
    options.log.checkpointBytes = random.chance(2) ? 8 << 10 : 64 << 10
    options.log.cursorInterval = .milliseconds(10)
    options.log.retention = Retention(revisions: 6000)
    let store = try await WatchStore.open(path, options: options)
    let workload = Workload(
        seed: "\(seed)", retained: 5000, slack: 500, shrinks: true, reads: true, isPatient: true)
    let moments = random.next()
    try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await workload.run(store) }
        group.addTask { try await follow(store, pause: nil) }
        group.addTask { try await follow(store, pause: .milliseconds(1)) }
        group.addTask { try await copyForEver(store, path) }
        group.addTask { try await lookAfter(store) }
        group.addTask { try await fillNowAndThen(moments) }
        try await group.waitForAll()
    }
}

/// A watch from now on, which must see every revision.
private func follow(_ store: WatchStore, pause: Duration?) async throws {
    var next: Revision?
    while true {
        do {
            for try await element in try store.watch(.all, from: next.map { .revision($0) } ?? .now) {
                guard case .update(let update) = element else { continue }
                if let next, update.revision != next { say("bad a watch saw \(update.revision) instead of \(next)") }
                next = update.revision + 1
                // This one is slow: it is to be parked.
                if let pause { try await Task.sleep(for: pause) }
            }
        } catch let error as StoreError where error.code == .compacted {
            next = error.earliest
        }
    }
}

/// Backs up, restores, and checks what came of it.
private func copyForEver(_ store: WatchStore, _ path: String) async throws {
    let (file, copy) = (path + ".backup", path + ".copy")
    while true {
        for left in [file, file + ".partial", copy, copy + ".partial"] {
            try? FileManager.default.removeItem(atPath: left)
        }
        do {
            let report = try await store.backup(to: file)
            try await WatchStore.restore(from: file, to: copy)
            let restored = try await WatchStore.open(copy, options: StoreOptions(access: .readOnly))
            if restored.head != report.head { say("bad a copy ends at \(restored.head) instead of \(report.head)") }
            for problem in try restored.check(deep: true).problems { say("bad a copy has \(problem)") }
            try await restored.close()
        } catch let error as StoreError where error.code == .full {
            continue
        }
        // So that the others get on.
        try await Task.sleep(for: .milliseconds(100))
    }
}

/// Seals and checks.
private func lookAfter(_ store: WatchStore) async throws {
    while true {
        do {
            try await store.seal()
            for problem in try store.check(deep: true).problems { say("bad the check finds \(problem)") }
        } catch let error as StoreError where error.code == .full {}
        try await Task.sleep(for: .milliseconds(50))
    }
}

/// Lets the disk be full for moments.
private func fillNowAndThen(_ seed: UInt64) async throws {
    var random = SeededGenerator(seed)
    while true {
        try await Task.sleep(for: .milliseconds(20 + random.below(200)))
        disk_set_room(0)
        try await Task.sleep(for: .milliseconds(random.below(20)))
        disk_set_room(-1)
    }
}

/// Reads from the cursor `name` in a process of its own, until it is killed: `read REVISION` before an update is handled,
/// `durable REVISION` when everything through that was acknowledged durably, `told REVISION` where history begins now.
func readAlong(_ path: String, name: String) async throws {
    let store = try await WatchStore.open(path, options: StoreOptions(access: .readOnly))
    while true {
        do {
            let watch = try store.watch(.all, from: .cursor(name))
            var handled: Revision = 0
            for try await element in watch {
                if case .update(let update) = element { say("read \(update.revision)") }
                if handled > 0, handled % 16 == 0 {
                    try await watch.flushAcknowledged()
                    say("durable \(handled)")
                }
                handled = watch.resumeRevision - 1
            }
            return
        } catch let error as StoreError where error.code == .compacted {
            try await store.setCursor(name, to: .earliest)
            say("told \(error.earliest ?? 1)")
        }
    }
}
