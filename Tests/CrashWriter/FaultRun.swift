import CDiskShim
import Foundation
import Synchronization
import Vigil

/// One small run on a disk that fails, and what must hold during and after it. What does not is printed as `problem …`.
final class FaultRun: Sendable {
    private struct Contents {
        /// Revision to key and value, nil for a delete.
        var acknowledged: [Revision: (key: Bytes, value: Bytes?)] = [:]
        /// All that was ever asked to be written.
        var submitted: [Bytes: Bytes] = [:]
        var errors: [StoreError] = []
    }

    private static let writers = 3
    private let path: String
    private let place: String
    private let contents = Mutex(Contents())

    init(path: String, place: String) {
        self.path = path
        self.place = place
    }

    /// The codes of the errors that writers got.
    var codes: [StoreError.Code] { contents.withLock { $0.errors.map(\.code) } }
    var acknowledged: Int { contents.withLock { $0.acknowledged.count } }

    static var options: StoreOptions {
        var options = smallOptions(.sync)
        options.log.pendingBytes = 24 << 10
        return options
    }

    func require(_ holds: Bool, _ what: @autoclosure () -> String) {
        if !holds { say("problem \(place): \(what())") }
    }

    // MARK: While the disk fails

    /// The store; nil if it could not be opened, which must have been said clearly.
    func open() async -> WatchStore? {
        do {
            return try await WatchStore.open(path, options: Self.options)
        } catch {
            note(error)
            return nil
        }
    }

    /// Each of some writers writes `count` times, whatever the answers are.
    func write(_ store: WatchStore, count: Int) async {
        await withTaskGroup(of: Void.self) { group in
            for writer in 0..<Self.writers {
                group.addTask { await self.write(store, count: count, writer) }
            }
        }
    }

    private func write(_ store: WatchStore, count: Int, _ writer: Int) async {
        for sequence in 1...count {
            let key = Bytes("k\(writer)/\(sequence % 5)")
            do {
                if sequence % 7 == 0 {
                    let result = try await store.delete(key)
                    if let revision = result.revision { acknowledge(revision, key, nil) }
                } else {
                    let value = submit(key, "\(writer)-\(sequence)-", sequence % 4 * 400)
                    acknowledge(try await store.put(key, value, leading: writer == 0 ? .here : nil), key, value)
                }
                if writer == 0, sequence % 8 == 0, store.head > store.earliest + 12 {
                    try await store.compact(through: store.head - 10)
                }
            } catch {
                note(error)
            }
        }
    }

    private func submit(_ key: Bytes, _ start: String, _ length: Int) -> Bytes {
        contents.withLock {
            let value = Bytes("\(start)\($0.submitted.count)-" + String(repeating: "y", count: length))
            $0.submitted[value] = key
            return value
        }
    }

    private func acknowledge(_ revision: Revision, _ key: Bytes, _ value: Bytes?) {
        let isNew = contents.withLock { $0.acknowledged.updateValue((key, value), forKey: revision) == nil }
        require(isNew, "revision \(revision) was acknowledged twice")
    }

    /// An error must have a code that a program can decide by, and say what to do.
    private func note(_ error: any Error) {
        guard let error = error as? StoreError else { return require(false, "not a StoreError: \(error)") }
        contents.withLock { $0.errors.append(error) }
        require([.full, .io, .readOnly].contains(error.code), "\(error)")
        let advice: [StoreError.Code: String] = [.full: "make room", .readOnly: "until it is opened again"]
        if let advice = advice[error.code] { require(error.message.contains(advice), "no advice: \(error)") }
    }

    // MARK: While it goes on

    /// Reads and watches go on: a watch that was there from the beginning comes to the head.
    func follow(_ watched: AsyncStream<Revision>, through head: Revision) async {
        guard head > 0 else { return }
        for await revision in watched where revision == head { return }
        require(false, "a watch ended before revision \(head)")
    }

    /// After the fault is over: the store writes again, by itself; or, where it `mayStop`, it only reads, for good.
    func goOn(_ store: WatchStore, mayStop: Bool) async {
        for _ in 1...2 {
            let value = submit("after", "after-", 0)
            do {
                acknowledge(try await store.put("after", value), "after", value)
                require(!codes.contains(.readOnly), "a put succeeded after the store had become read-only")
            } catch {
                require(mayStop, "there is room again, but: \(error)")
                note(error)
                require(codes.last == .readOnly, "the disk works again, but: \(error)")
            }
        }
    }

    func close(_ store: WatchStore) async {
        do { try await store.close() } catch { note(error) }
    }

    /// All that was acknowledged is there, and nothing that was not submitted.
    func verify(_ store: WatchStore) {
        do {
            let (acknowledged, submitted) = contents.withLock { ($0.acknowledged, $0.submitted) }
            var expected = store.earliest
            var seen: Set<Bytes> = []
            for update in try store.log(from: store.earliest, limit: .max).updates {
                let event = update.events[0]
                require(
                    update.revision == expected && update.events.count == 1, "revision \(update.revision): \(event)")
                expected += 1
                let isPut = event.type == .put
                if isPut {
                    require(submitted[event.value] == event.key, "revision \(update.revision) was invented: \(event)")
                    require(
                        seen.insert(event.value).inserted, "revision \(update.revision) was written twice: \(event)")
                }
                guard let write = acknowledged[update.revision] else { continue }
                let isSame = write.key == event.key && write.value == (isPut ? event.value : nil)
                require(isSame, "revision \(update.revision) is \(event), but \(write) was acknowledged")
            }
            require(
                store.head == 0 || expected == store.head + 1, "the log ends before \(expected), not at \(store.head)")
            let newest = acknowledged.keys.max() ?? 0
            require(store.head >= newest, "the head is \(store.head), but \(newest) was acknowledged")
            let problems = try store.check(deep: true).problems
            require(problems.isEmpty, "\(problems.prefix(3))")
            _ = try store.range(.all)
        } catch {
            require(false, "reading: \(error)")
        }
    }

    /// Opened again on a disk that works, everything is there, and writing goes on.
    func reopen() async {
        do {
            let store = try await WatchStore.open(path, options: Self.options)
            verify(store)
            let head = store.head
            require(
                try await store.put("opened", submit("opened", "opened-", 0)) == head + 1, "the head was not \(head)")
            try await store.close()
            try FileManager.default.removeItem(atPath: path)
        } catch {
            require(false, "opening again: \(error)")
        }
    }
}
