import Foundation
import Vigil

/// What is done to one of a store's files.
enum Damage {
    /// One bit of each of the bytes from `offset` on.
    case flip(offset: Int, count: Int, bit: UInt8)
    case truncate(Int)
    /// So many bytes more, of this value.
    case extend(Int, UInt8)
    case zero(offset: Int, count: Int)

    /// Reads `flip OFFSET COUNT BIT`, `truncate LENGTH`, `extend COUNT BYTE` or `zero OFFSET COUNT`.
    init(_ line: String) {
        let words = line.split(separator: " ")
        let numbers = words.dropFirst().map { Int($0)! }
        switch words[0] {
        case "flip": self = .flip(offset: numbers[0], count: numbers[1], bit: UInt8(numbers[2]))
        case "truncate": self = .truncate(numbers[0])
        case "extend": self = .extend(numbers[0], UInt8(numbers[1]))
        case "zero": self = .zero(offset: numbers[0], count: numbers[1])
        default: fatalError("no damage: \(line)")
        }
    }

    func callAsFunction(_ data: Data) -> Data {
        var data = data
        switch self {
        case .flip(let offset, let count, let bit):
            for index in offset..<min(offset + count, data.count) { data[index] ^= 1 << bit }
        case .truncate(let length): data = data.prefix(length)
        case .extend(let count, let byte): data.append(Data(repeating: byte, count: count))
        case .zero(let offset, let count): data.resetBytes(in: offset..<min(offset + count, data.count))
        }
        return data
    }
}

/// Damages the file `name` of copies of the store at `original`, each as a line of the standard input says, and prints
/// what comes of each: `same` if every answer is as without damage, `problems` if the check finds something, `error` and
/// the code if something cannot be done; else the first answers that differ. `torn` is as if `last`, another line, had been
/// done to the store: the loss of the newest frame.
///
/// With `writes` each copy is opened for writing and written to before it is read.
func damage(_ original: String, _ name: String, torn last: String, writes: Bool) async {
    let copy = "\(original)-copy-\(getpid())"
    let files = try! FileManager.default.contentsOfDirectory(atPath: original).sorted()
        .filter { $0 != "lock.mdb" }.map { ($0, try! Data(contentsOf: URL(fileURLWithPath: original + "/" + $0))) }
    func outcome(_ damage: Damage?, _ damaged: String) async -> [String] {
        try? FileManager.default.removeItem(atPath: copy)
        try! FileManager.default.createDirectory(atPath: copy, withIntermediateDirectories: false)
        for (file, data) in files {
            let bytes = file == damaged ? damage?(data) ?? data : data
            try! bytes.write(to: URL(fileURLWithPath: copy + "/" + file))
        }
        if writes, let failure = await writeMore(copy) { return [failure] }
        return await answers(copy)
    }
    defer { try? FileManager.default.removeItem(atPath: copy) }
    let good = await outcome(nil, name)
    let torn = await outcome(Damage(last), "journal-000")
    guard good.last == "clean", torn.last == "clean", good != torn else { return say("unfit \(good) \(torn)") }
    while let line = readLine() {
        // Whatever takes longer hangs; the signal ends the process, and so names this line.
        alarm(60)
        let found = await outcome(Damage(line), name)
        switch found {
        case good: say("same")
        case torn: say("torn")
        default:
            if let last = found.last, last != "clean" { say(last) } else { say(differences(found, good)) }
        }
    }
}

/// Writes, deletes, compacts and checkpoints; returns what went wrong.
private func writeMore(_ path: String) async -> String? {
    do {
        let store = try await WatchStore.open(path)
        do {
            for index in 1...4 {
                try await store.put("written", Bytes(String(repeating: "\(index)", count: 900 * index)))
            }
            try await store.delete("n")
            try await store.compact(through: store.head - 3)
            let report = try store.check(deep: true)
            try await store.close()
            return report.isClean ? nil : "problems"
        } catch {
            try? await store.close()
            throw error
        }
    } catch let error as StoreError {
        return "error \(error.code)"
    } catch {
        return "unexpected \(error)"
    }
}

/// All that can be read and followed, then `clean` or `problems`; or what went wrong.
private func answers(_ path: String) async -> [String] {
    do {
        let store = try await WatchStore.open(path, options: StoreOptions(access: .readOnly))
        var lines: [String] = []
        do {
            try readAll(store) { lines.append($0) }
            try await followAll(store) { lines.append($0) }
            lines.append(try store.check(deep: true).isClean ? "clean" : "problems")
        } catch let error as StoreError {
            lines.append("error \(error.code)")
        }
        try await store.close()
        return lines
    } catch let error as StoreError {
        return ["error \(error.code)"]
    } catch {
        return ["unexpected \(error)"]
    }
}

/// What a watch of everything sees, from the earliest revision to the head.
private func followAll(_ store: WatchStore, _ print: (String) -> Void) async throws {
    guard store.head >= store.earliest else { return }
    for try await event in try store.watch(.all, from: .earliest).events {
        print("event \(event.revision) \(event.type) \(event.key) \(event.value)")
        if event.revision == store.head { break }
    }
}

private func differences(_ found: [String], _ good: [String]) -> String {
    let lines = Set(found).symmetricDifference(good).sorted().map { String($0.prefix(80)) }
    return "differs " + lines.prefix(4).joined(separator: "; ")
}
