import ChildProcess
import Foundation
import TestSupport
import Testing
import Vigil

/// Every byte of a small store damaged, and each of its files cut, lengthened and zeroed in part. The store has all there
/// is: blocks, a base, tombstones, values over several pages, free pages, a journal that is ahead.
///
/// Each damaged copy is opened, read as a whole, followed and checked. Nothing may crash; every answer is as it was, or
/// there is an error, or the check finds the problem. Bytes that do not matter are found by damaging many at once: as long
/// as all answers stay the same, none of them matters. Where they do not, fewer are damaged, and in the end four at a time.
///
/// `VIGIL_GRAIN=1` damages each by itself in the end, which takes some minutes; `VIGIL_SEED=7` flips other bits.
@Suite(.timeLimit(.minutes(20))) struct DamageTests {
    private static let environment = ProcessInfo.processInfo.environment
    private static let seed = environment["VIGIL_SEED"].flatMap { UInt64($0) } ?? 1
    private static let grain = environment["VIGIL_GRAIN"].flatMap { Int($0) } ?? 4

    @Test(arguments: DamagedStore.files, [false, true])
    func everyByteMattersOrIsSeen(_ name: String, writes: Bool) async throws {
        let grain = writes ? max(8, Self.grain) : Self.grain
        try await withDamagedStore { try await damageEachByte(of: name, $0, grain: grain, writes: writes) }
    }

    private func damageEachByte(of name: String, _ store: DamagedStore, grain: Int, writes: Bool) async throws {
        var random = SeededGenerator(Self.seed)
        let length = try store.length(name)
        var ranges = [0..<length]
        var (bytes, outcomes) = (0, [String: Int]())
        while !ranges.isEmpty {
            let damages = ranges.map { "flip \($0.lowerBound) \($0.count) \(random.below(8))" }
            let found = try await store.run(name, damages, writes: writes)
            var next: [Range<Int>] = []
            for (range, (damage, outcome)) in zip(ranges, zip(damages, found)) {
                let place: Comment = "\(name), \(damage), seed \(Self.seed): \(outcome)"
                #expect(!outcome.hasPrefix("crash") && !outcome.hasPrefix("unexpected"), place)
                if outcome == "same" {
                    bytes += range.count
                    outcomes["same", default: 0] += range.count
                } else if range.count > grain {
                    next += range.split(4, multiple: grain)
                } else {
                    bytes += range.count
                    outcomes[outcome, default: 0] += range.count
                    #expect(store.isAllowed(outcome, name, range), place)
                }
            }
            ranges = next
        }
        #expect(bytes == length)
        print("\(name), \(writes ? "written to" : "read"): \(bytes) bytes flipped, \(outcomes)")
        // Or the damage was not done where it should be.
        if name != "lock" { #expect(outcomes["error damaged", default: 0] > 1000, "\(outcomes)") }
    }

    /// Of a store whose keys are longer than LMDB's.
    @Test(arguments: [false, true]) func everyByteOfLongKeysMattersOrIsSeen(writes: Bool) async throws {
        try await withDamagedStore("fixture-long") {
            try await damageEachByte(of: "data.mdb", $0, grain: 4 * Self.grain, writes: writes)
        }
    }

    /// Of a store whose values need dictionaries.
    @Test(arguments: [false, true]) func everyByteOfDictionariesMattersOrIsSeen(writes: Bool) async throws {
        try await withDamagedStore("fixture-alike") {
            try await damageEachByte(of: "data.mdb", $0, grain: 4 * Self.grain, writes: writes)
        }
    }

    /// Where a bit decides how much is read and as what: three of each byte's eight, or all with `VIGIL_GRAIN=1`.
    @Test(arguments: ["data.mdb", "journal-000", "lock"])
    func everyBitOfTheHeadersIsSeen(_ name: String) async throws {
        try await withDamagedStore { store in
            var random = SeededGenerator(Self.seed)
            let damages = try store.headerBytes(name).flatMap { byte in
                (0..<8).shuffled(using: &random).prefix(Self.grain == 1 ? 8 : 3).map { "flip \(byte) 1 \($0)" }
            }
            #expect(damages.count >= 24 * 3)
            for (damage, outcome) in zip(damages, try await store.run(name, damages, writes: false)) {
                let byte = try #require(Int(damage.split(separator: " ")[1]))
                #expect(store.isAllowed(outcome, name, byte..<byte + 1), "\(name), \(damage): \(outcome)")
            }
        }
    }

    @Test(arguments: DamagedStore.files, [false, true])
    func cutLengthenedAndZeroed(_ name: String, writes: Bool) async throws {
        try await withDamagedStore { store in
            var random = SeededGenerator(Self.seed)
            let length = try store.length(name)
            var damages = stride(from: 0, to: length, by: 4096).map { "truncate \($0)" }
            damages += (0..<60).map { _ in "truncate \(random.below(length))" }
            for byte in [0, 0xFF, random.below(256)] {
                damages += [1, 7, 512, 4096, 1 + random.below(20_000)].map { "extend \($0) \(byte)" }
            }
            damages += stride(from: 0, to: length, by: 4096).map { "zero \($0) 4096" }
            damages += stride(from: 0, to: length, by: 512).map { "zero \($0) 512" }
            damages += (0..<60).map { _ in "zero \(random.below(length)) \(1 + random.below(600))" }
            for (damage, outcome) in zip(damages, try await store.run(name, damages, writes: writes)) {
                let place: Comment = "\(name), \(damage), seed \(Self.seed): \(outcome)"
                #expect(!outcome.hasPrefix("crash") && !outcome.hasPrefix("unexpected"), place)
                // Who loses the frames from some point on, with all that vouches for them, has what a crash leaves.
                if outcome.hasPrefix("differs") { #expect(name == "journal-000", place) }
            }
        }
    }
}

/// A store in a directory, to be damaged in copies.
private struct DamagedStore {
    static let files = ["data.mdb", "journal-000", "lock"]

    let path: String
    /// The newest frame of the journal, which no later one vouches for.
    let newestFrame: Range<Int>
    let journal: Data

    init(_ directory: String, made fixture: String) async throws {
        path = directory + "/store"
        let maker = try ChildProcess(built: "CrashWriter", [fixture, path])
        for await _ in maker.lines {}
        #expect(await maker.status() == -SIGKILL)
        // Most of the segment is zeros behind the last frame; a page of them is enough.
        let url = URL(fileURLWithPath: path + "/journal-000")
        let whole = try Data(contentsOf: url)
        let used = try #require(whole.lastIndex { $0 != 0 }) + 1
        journal = whole.prefix((used + 64 + 4095) / 4096 * 4096)
        try journal.write(to: url)
        newestFrame = try #require(Self.frames(journal).last)..<(used + 7) / 8 * 8
    }

    /// Where frames begin.
    private static func frames(_ journal: Data) -> [Int] {
        stride(from: 0, to: journal.count - 4, by: 8).filter { journal[$0..<$0 + 4].elementsEqual("VJF1".utf8) }
    }

    func length(_ name: String) throws -> Int {
        try Data(contentsOf: URL(fileURLWithPath: path + "/" + name)).count
    }

    /// LMDB's two headers, the head of each page, the records of its databases; the head of the oldest and newest frame; all of the lock.
    func headerBytes(_ name: String) throws -> [Int] {
        switch name {
        case "data.mdb":
            try stride(from: 0, to: length(name), by: 4096).flatMap { $0..<$0 + ($0 < 8192 ? 152 : 16) }
                + databaseRecords()
        case "journal-000":
            [Self.frames(journal)[0], newestFrame.lowerBound].flatMap { $0..<$0 + 64 }
        default: Array(0..<(try length(name)))
        }
    }

    /// At the end of the page that the header in force names as the root of all databases; its number is at byte 128 of
    /// the header, that of the transaction at 144, both below 256 here.
    private func databaseRecords() throws -> Range<Int> {
        let data = try Data(contentsOf: URL(fileURLWithPath: path + "/data.mdb"))
        let header = data[144] > data[4096 + 144] ? 0 : 4096
        let end = (Int(data[header + 128]) + 1) * 4096
        return end - 256..<end
    }

    /// Whether damage to `bytes` of the file `name` may have this outcome.
    func isAllowed(_ outcome: String, _ name: String, _ bytes: Range<Int>) -> Bool {
        switch outcome {
        case "same", "problems", "error damaged", "error not_a_store", "error unsupported_format": true
        // It is taken for one that a crash tore.
        case "torn": name == "journal-000" && newestFrame.contains(bytes.lowerBound)
        default: false
        }
    }

    /// Does each of `damages` to the file `name` of a copy, and says what came of it: what `CrashWriter damage` prints, or
    /// `crash` and the signal. Half of them at the same time as the others.
    func run(_ name: String, _ damages: [String], writes: Bool) async throws -> [String] {
        let (first, second) = (Array(damages.prefix(damages.count / 2)), Array(damages.dropFirst(damages.count / 2)))
        async let found = runInTurn(name, first, writes: writes)
        let others = try await runInTurn(name, second, writes: writes)
        return try await found + others
    }

    private func runInTurn(_ name: String, _ damages: [String], writes: Bool) async throws -> [String] {
        var outcomes: [String] = []
        while outcomes.count < damages.count {
            // No more at a time than the pipe takes, since the child's output is read only after its input was written.
            let end = min(outcomes.count + 1000, damages.count)
            let child = try ChildProcess(
                built: "CrashWriter",
                ["damage", path, name, "zero \(newestFrame.lowerBound) 64", writes ? "write" : "read"],
                input: damages[outcomes.count..<end].map { $0 + "\n" }.joined())
            for await line in child.lines { outcomes.append(line) }
            let status = await child.status()
            try #require(outcomes.last?.hasPrefix("unfit") != true, "\(outcomes.last ?? "")")
            // Its death is the outcome of the one that it was at.
            if outcomes.count < end { outcomes.append("crash \(status)") }
        }
        return outcomes
    }
}

/// In memory if there is a file system there: every copy is flushed several times.
private func withDamagedStore(
    _ fixture: String = "fixture", _ body: (DamagedStore) async throws -> Void
) async throws {
    try await withTemporaryDirectory(inMemory: true) { try await body(DamagedStore($0, made: fixture)) }
}

extension Range<Int> {
    /// The range in up to `parts` of about the same length, a multiple of `multiple`.
    fileprivate func split(_ parts: Int, multiple: Int) -> [Range<Int>] {
        let length = (count + parts * multiple - 1) / (parts * multiple) * multiple
        return stride(from: lowerBound, to: upperBound, by: length).map { $0..<Swift.min($0 + length, upperBound) }
    }
}
