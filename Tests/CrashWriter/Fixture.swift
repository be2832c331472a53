import Foundation
import Vigil

/// Makes a small store with something of everything that the format can say, and leaves it as a crash would: the newest
/// revisions are in the journal alone.
///
/// For a new format: run it, keep `data.mdb`, `journal-000` and `lock` as `Fixtures/format-N-edges`, and if it differs the output as
/// `Fixtures/format-N-edges.txt`. Those of older formats stay.
func makeFixture(_ path: String) async throws {
    let store = try await WatchStore.open(path, options: fixtureOptions())

    // A block that compresses, with values from one byte to more than a page of LMDB.
    for index in 1...24 {
        try await store.put(Bytes("services/web/\(index % 5)"), Bytes(#"{"address":"10.0.0.\#(index)","port":8080}"#))
    }
    try await store.put("empty", "")
    try await store.put("large", Bytes(String(repeating: "0123456789", count: 500)))
    try await store.put(Bytes([UInt8](repeating: 0x6B, count: 511)), "the longest key")
    try await store.put(Bytes([0xFF, 0x00, 0x80]), Bytes([0x00, 0xFE]))
    try await store.put("gone/before", "1")
    try await store.delete("gone/before")
    try await printEvents(store)
    try await store.compact(through: 12)

    // A block with deletes and transactions; the compaction leaves versions in the base and drops a block in part.
    try await store.put("gone/1", "a")
    try await store.put("gone/2", "b")
    try await store.deleteRange(.prefix("gone/"))
    try await store.put("gone/1", "again")
    try await store.transaction(Transaction(then: [.put("pair/a", "1"), .put("pair/b", "1"), .delete("empty")]))
    try await store.delete("services/web/0")
    try await printEvents(store)
    try await store.compact(through: 26)

    // A block of one small record, which is not compressed.
    try await store.put("n", "1")
    try await printEvents(store)
    try await store.compact(through: 27)

    // The journal alone has these; some frames hold several revisions.
    try await store.put("services/web/0", "back")
    try await store.delete("large")
    _ = try await store.transactions((1...5).map { Transaction(then: [.put("n", Bytes("\($0 + 1)"))]) })
    try await store.transaction(Transaction(then: [.put("pair/a", "2"), .put("pair/b", "2")]))
    try await printEvents(store)
    // Since format 2.
    try await store.setCursor("reader", to: .acknowledged(30))
    try await store.setCursor("holding", to: .acknowledged(40))
    try await store.setCursor(
        "holding", hold: CursorHold(revisions: 1, age: .seconds(86_400), bytes: 1 << 20, then: .fail))
    kill(getpid(), SIGKILL)
}

/// Makes what is new with format 3: leases with keys, some in LMDB and some in the journal alone, properties, and the
/// mark of a closing in good order, after which more was written. Keep it as `Fixtures/format-3-leases`.
func makeLeaseFixture(_ path: String) async throws {
    var store = try await WatchStore.open(path, options: fixtureOptions())
    for id in 1...3 as ClosedRange<Int64> { _ = try await store.grantLease(seconds: 1_000_000_000 + id, id: id) }
    for index in 1...4 { try await store.put(Bytes("leased/\(index)"), "v", lease: Int64(index % 2 + 1)) }
    try await store.put("free", "v")
    try await store.setProperties(["one": [1], "empty": [], "gone": [2]])
    try await store.close()

    store = try await WatchStore.open(path, options: fixtureOptions())
    try await store.put("leased/1", "moved", lease: 3)
    try await store.put("leased/2", "let go")
    try await store.delete("leased/3")
    try await store.put("leased/5", "v", lease: 1)
    try await store.setProperties(["gone": nil, "two": [UInt8](repeating: 7, count: 300)])
    kill(getpid(), SIGKILL)
}

/// Makes what is new with format 4: keys that are longer than LMDB's, in `state`, in `base`, attached to a lease, and in the
/// journal alone. Keep it as `Fixtures/format-4-long`.
func makeLongFixture(_ path: String) async throws {
    let store = try await WatchStore.open(path, options: fixtureOptions())
    func key(_ count: Int, _ letter: String = "k") -> Bytes { Bytes(String(repeating: letter, count: count)) }
    _ = try await store.grantLease(seconds: 1_000_000_000, id: 1)
    for count in [503, 511, 512, 600, 1006, 1007, 1100] { try await store.put(key(count), "first") }
    try await store.put(key(530, "l"), "v", lease: 1)
    try await store.put(key(520, "g"), "gone")
    try await store.delete(key(520, "g"))
    try await store.compact(through: store.head)
    // `base` gets the first versions of these.
    for count in [511, 512, 1006] { try await store.put(key(count), "second") }
    try await store.delete(key(1007))
    try await store.put(key(531, "l"), "v", lease: 1)
    try await store.compact(through: store.earliest + 1)
    try await store.shrink()
    try await store.put(key(512), "third")
    try await store.put(key(4096), "the longest key")
    try await store.delete(key(600))
    kill(getpid(), SIGKILL)
}

/// Makes what is new with format 5: values that are compressed with dictionaries, in `state`, also under a key longer than
/// LMDB's, and in `base`. Each says what revision it is of. Keep it as `Fixtures/format-5-alike`.
func makeAlikeFixture(_ path: String) async throws {
    var options = fixtureOptions()
    options.log.dictionaryLookBytes = 1000
    let store = try await WatchStore.open(path, options: options)
    func put(_ key: String, _ value: (Revision) -> String) async throws {
        try await store.put(Bytes(key), Bytes(value(store.head + 1)))
    }
    func service(_ revision: Revision) -> String {
        #"{"service":"checkout","region":"eu-central","healthy":true,"load":0.\#(revision * 7 % 1000),"at":\#(revision)}"#
    }
    func unit(_ revision: Revision) -> String {
        "[Unit]\nDescription=Worker of the night shift\n[Service]\nExecStart=/usr/bin/worker \(revision)\n"
    }
    for number in 1...40 { try await put("services/\(number)", service) }
    try await put(String(repeating: "k", count: 600), service)
    try await store.compact(through: store.head)
    // `base` gets the first versions of these, and the state others, of another dictionary.
    for number in 1...20 { try await put("services/\(number)", service) }
    for number in 1...60 { try await put("units/\(number)", unit) }
    try await store.compact(through: store.earliest + 10)
    try await store.shrink()
    for number in 10...12 { try await put("services/\(number)", service) }
    try await put("units/1", unit)
    kill(getpid(), SIGKILL)
}

/// For a small file, and with checkpoints only by compactions and at the end.
private func fixtureOptions() -> StoreOptions {
    var options = StoreOptions()
    options.log.segmentBytes = 64 << 10
    options.log.segments = 2
    options.log.transactionBytes = 8 << 10
    options.log.checkpointBytes = 64 << 10
    options.log.checkpointInterval = .seconds(3600)
    return options
}

/// Prints the events since the last call.
@MainActor private var printed: Revision = 0

@MainActor private func printEvents(_ store: WatchStore) throws {
    for event in try store.log(from: printed + 1).updates.joined() {
        say("\(event.revision) \(event.type) \(event.key) \(event.value) \(event.createRevision) \(event.version)")
    }
    printed = store.head
}
