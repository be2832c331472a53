import ChildProcess
import TestSupport
import Testing

/// A disk that fails: each write, each flush, each creating and renaming, one after the other. `CrashWriter` does it, since
/// the shim between it and its disk is in that program, and says what does not hold:
///
/// - whoever writes gets a clear error; reads and watches go on;
/// - a disk that was full is written to again as soon as there is room, without opening the store again;
/// - after a failed write or flush of what cannot be written twice the store only reads, for good, until it is opened again;
/// - then, too, all that was acknowledged is there, nothing was invented, and the deep check finds nothing.
@Suite(.timeLimit(.minutes(10))) struct DiskFaultTests {
    @Test(arguments: ["write EIO", "write ENOSPC", "write short", "flush EIO", "entry EIO", "entry ENOSPC"])
    func anyOperationFailsOnce(_ fault: String) async throws {
        let faults = try await Self.run("faults", fault.split(separator: " ").map(String.init) + ["once"])
        #expect(faults >= (fault.hasPrefix("entry") ? 10 : 60))
    }

    @Test(arguments: ["write EIO", "write ENOSPC", "flush EIO", "entry EIO", "entry ENOSPC"])
    func andEveryOneAfterIt(_ fault: String) async throws {
        let faults = try await Self.run("faults", fault.split(separator: " ").map(String.init) + ["lasting"])
        #expect(faults >= (fault.hasPrefix("entry") ? 10 : 60))
    }

    /// Room for nothing, for a page, for two, …
    @Test func aFullDisk() async throws {
        #expect(try await Self.run("full") >= 30)
    }

    /// The journal can be written and LMDB cannot: commits go on until too much is pending.
    @Test func noCheckpointCanBeMade() async throws {
        #expect(try await Self.run("stuck") > 20)
    }

    /// Runs `CrashWriter` and expects that it finds no problem; returns how much it did.
    private static func run(_ verb: String, _ arguments: [String] = []) async throws -> Int {
        try await withTemporaryDirectory(inMemory: true) { directory in
            let process = try ChildProcess(
                built: "CrashWriter", [verb, directory] + arguments, errors: nil)
            var problems: [String] = []
            var done: Int?
            for await line in process.lines {
                if line.hasPrefix("done ") { done = Int(line.dropFirst(5)) } else { problems.append(line) }
            }
            #expect(problems == [])
            #expect(await process.status() == 0)
            return try #require(done)
        }
    }
}
