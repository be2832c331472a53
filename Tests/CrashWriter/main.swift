import Foundation
import Vigil

// A program for the crash tests to kill.
//
//     CrashWriter write PATH SEED sync|interval    writes until it is killed, and prints each acknowledged revision
//     CrashWriter follow PATH FROM                 follows, and prints each event
//
// Lines are written at once and whole: `ack REVISION KEY VALUE`, `event REVISION KEY VALUE`.

/// Sizes so small that everything that can happen in a store happens within some hundred writes.
func smallOptions(_ durability: Durability) -> StoreOptions {
    var options = StoreOptions(durability: durability)
    options.log.segmentBytes = 64 << 10
    options.log.segments = 3
    options.log.transactionBytes = 8 << 10
    options.log.checkpointBytes = 8 << 10
    options.log.pendingBytes = 64 << 10
    options.log.checkpointInterval = .milliseconds(10)
    options.log.mapBytes = 1 << 20
    return options
}

func say(_ line: String) {
    let bytes = Array((line + "\n").utf8)
    _ = write(STDOUT_FILENO, bytes, bytes.count)
}

/// One of several that write at the same time. What it writes follows from the seed and its own count.
func writeForEver(_ store: WatchStore, seed: UInt64, writer: Int) async throws {
    var sequence = 0
    while true {
        sequence += 1
        let key = Bytes("w\(writer)/\(sequence % 7)")
        let value = Bytes("\(seed)-\(writer)-\(sequence)-" + String(repeating: "x", count: sequence % 200))
        if sequence % 11 == 0 {
            let result = try await store.delete(key)
            if let revision = result.revision { say("ack \(revision) \(key) -") }
        } else if sequence % 5 == 0 {
            let result = try await store.transaction(
                Transaction(then: [.put(key, value), .put(Bytes("both/\(writer)"), value)]))
            say("ack \(result.revision) \(key) \(value)")
        } else {
            say("ack \(try await store.put(key, value)) \(key) \(value)")
        }
        if writer == 0, sequence % 150 == 0, store.head > store.earliest + 400 {
            try await store.compact(through: store.head - 300)
        }
    }
}

let arguments = CommandLine.arguments
if arguments[1] == "write" {
    let store = try await WatchStore.open(
        arguments[2], options: smallOptions(arguments[4] == "sync" ? .sync : .interval(.milliseconds(5))))
    try await withThrowingTaskGroup(of: Void.self) { group in
        for writer in 0..<6 {
            group.addTask { try await writeForEver(store, seed: UInt64(arguments[3])!, writer: writer) }
        }
        try await group.waitForAll()
    }
} else {
    let store = try await WatchStore.open(arguments[2], options: StoreOptions(access: .readOnly))
    for try await event in try store.watch(.all, from: .revision(Revision(arguments[3])!)).events {
        say("event \(event.revision) \(event.key) \(event.type == .put ? event.value : "-")")
    }
}
