import Foundation
import LMDB
import Vigil

/// Writes to the keys of `groups` groups in turn until it is killed; a line for each write.
func writeGroups(_ path: String, _ groups: Int) async throws {
    let store = try await WatchStore.open(path)
    var index = 0
    while true {
        say("\(try await store.put(Bytes("g\(index % groups)/k"), Bytes("\(index)")))")
        index += 1
    }
}

/// Reads the environment at `path`, in a transaction that does not end before the process does.
func hold(_ path: String) throws {
    let environment = try Environment(path: path, mapBytes: 1 << 26, readOnly: true)
    try environment.withRead { _ in
        say("reading")
        while true { pause() }
    }
}
