import Foundation
import Vigil

/// Follows a store that another process writes: `event REVISION KEY VALUE`, with `-` for a delete.
func follow(_ path: String, from revision: Revision) async throws {
    let store = try await WatchStore.open(path, options: StoreOptions(access: .readOnly))
    do {
        for try await event in try store.watch(.all, from: .revision(revision)).events {
            say("event \(event.revision) \(event.key) \(event.type == .put ? event.value : "-")")
        }
    } catch let error as StoreError {
        say("error \(error.code) \(error.earliest ?? 0)")
    }
}

/// Takes the lock that LMDB takes when it opens a store, prints `held`, and waits for ever.
func lockReaders(_ path: String) async throws {
    let descriptor = open(path + "/lock.mdb", O_RDWR)
    var lock = flock()
    lock.l_type = Int16(F_RDLCK)
    lock.l_whence = Int16(SEEK_SET)
    lock.l_len = 1
    guard fcntl(descriptor, F_SETLK, &lock) == 0 else { return say("not held") }
    say("held")
    // There is nothing to await: it is killed.
    while true { try await Task.sleep(for: .seconds(60)) }
}

/// Prints all that can be read, then `clean` or `problems`; or `error` and the code, if something cannot be read.
/// With `checkedFirst` it reads only what the check found to be clean.
func read(_ path: String, checkedFirst: Bool) async {
    do {
        let store = try await WatchStore.open(path, options: StoreOptions(access: .readOnly))
        if checkedFirst, try !store.check(deep: true).isClean { return say("problems") }
        do {
            try readAll(store, say)
        } catch let error as StoreError {
            say("error \(error.code)")
        }
        say(try store.check(deep: true).isClean ? "clean" : "problems")
        try await store.close()
    } catch let error as StoreError {
        say("error \(error.code)")
    } catch {
        say("unexpected \(error)")
    }
}

/// Calls `print` with a line for each answer that the store gives.
func readAll(_ store: WatchStore, _ print: (String) -> Void) throws {
    print("revisions \(store.earliest) \(store.head)")
    var keys: Set<Bytes> = []
    for update in try store.log(from: store.earliest, limit: .max).updates {
        for event in update {
            print("log \(event.revision) \(event.type) \(event.key) \(event.value)")
            keys.insert(event.key)
        }
    }
    for revision in store.earliest...max(store.earliest, store.head) {
        for pair in try store.range(.all, RangeOptions(at: revision)).keyValues {
            print("at \(revision) \(pair.key) \(pair.modRevision) \(pair.version) \(pair.value)")
            keys.insert(pair.key)
        }
    }
    for key in keys.sorted() {
        let history = try store.history(of: key).map { "\($0.revision)" }
        print("history \(key) \(history.joined(separator: " "))")
        if let pair = try store.get(key) { print("now \(key) \(pair.modRevision) \(pair.value)") }
    }
}
