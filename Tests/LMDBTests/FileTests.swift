import LMDB
import Testing

#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// What happens to a `data.mdb` that is not what LMDB wrote.
@Suite struct FileTests {
    /// Several databases, one of them with branch, leaf, overflow and free pages.
    func fill(_ directory: TemporaryDirectory) throws {
        let environment = try Environment(path: directory.path, mapBytes: 1 << 26)
        let databases = try environment.openDatabases(["a", "b", "c"], create: true)
        try environment.withWrite { transaction in
            for number in 1000..<4000 { try transaction.put(databases[0], "\(number)", "value of \(number)") }
            try transaction.put(databases[1], "large", String(repeating: "v", count: 20_000))
        }
        try environment.withWrite { transaction in
            for number in 1000..<2000 { try transaction.delete(databases[0], "\(number)") }
        }
    }

    func open(_ directory: TemporaryDirectory) throws {
        _ = try Environment(path: directory.path, mapBytes: 1 << 26)
    }

    @Test func truncatedAtEveryPage() throws {
        let directory = TemporaryDirectory()
        try fill(directory)
        let whole = directory.read()
        #expect(whole.count > 30 * 4096)
        for length in stride(from: whole.count - 4096, to: 0, by: -4096) + [whole.count - 1, 100, 1] {
            directory.write(Array(whole[..<length]))
            let code = codeThrown { try open(directory) }
            #expect(code == LMDBError.corrupted || (length < 2 * 4096 && code == LMDBError.invalid), "\(length) bytes")
            #expect(directory.read().count == length, "the file was touched")
        }
        directory.write(whole)
        try open(directory)
    }

    @Test func anEmptyFileIsANewEnvironment() throws {
        let directory = TemporaryDirectory()
        directory.write([])
        try writeOne(directory)
        try open(directory)
    }

    @Test func aForeignFileIsRefused() throws {
        let directory = TemporaryDirectory()
        for bytes in [
            Array("not a database".utf8), Array(repeating: 0, count: 8192), Array(repeating: 0xFF, count: 9000),
        ] {
            directory.write(bytes)
            #expect(codeThrown { try open(directory) } == LMDBError.invalid)
            #expect(directory.read() == bytes)
        }
    }

    @Test func aNewerFormatIsNamed() throws {
        let directory = TemporaryDirectory()
        try writeOne(directory)
        var bytes = directory.read()
        bytes[20] = 9
        directory.write(bytes)
        #expect(codeThrown { try open(directory) } == LMDBError.versionMismatch)
    }

    @Test func aPathThatIsNoDirectory() throws {
        let directory = TemporaryDirectory()
        directory.write([1])
        #expect(codeThrown { _ = try Environment(path: directory.path + "/data.mdb", mapBytes: 1 << 20) } == ENOTDIR)
        #expect(
            codeThrown { _ = try Environment(path: directory.path + "/none", mapBytes: 1 << 20) }
                == LMDBError.noSuchFile)
    }

    @Test func aFileShorterThanItSaysWithNothingMissingOpens() throws {
        let directory = TemporaryDirectory()
        try fill(directory)
        let environment = try Environment(path: directory.path, mapBytes: 1 << 26)
        let database = try environment.openDatabase("b")
        // Pages that one transaction takes at the end and gives back are not written.
        try environment.withWrite { transaction in
            try transaction.put(database, "longer", String(repeating: "v", count: 1 << 20))
            try transaction.delete(database, "longer")
        }
        environment.close()
        let whole = directory.read()
        // As after a crash between the commit and the extension of the file.
        directory.write(Array(whole[..<(whole.count - 3 * 4096)]))
        try open(directory)
        #expect(directory.read().count == whole.count)
    }

    @Test func soundFilesVerify() throws {
        let directory = TemporaryDirectory()
        try fill(directory)
        let environment = try Environment(path: directory.path, mapBytes: 1 << 26)
        let pages = try environment.verifyPages()
        #expect(pages > 20 && pages <= directory.read().count / 4096)
        let empty = try Fixture()
        #expect(try empty.environment.verifyPages() > 2)
    }

    /// LMDB keeps the pages of a long value that the same transaction makes shorter; those that follow are not in use twice.
    @Test func aLongValueMadeShorterVerifies() throws {
        let fixture = try Fixture()
        try fixture.environment.withWrite { transaction in
            for bytes in [30_000, 20_000, 3000] {
                for key in ["a", "b"] {
                    try transaction.put(fixture.database, key, String(repeating: "x", count: bytes))
                }
            }
        }
        let pages = try fixture.environment.verifyPages()
        #expect(pages >= 2 * 8)
        try fixture.environment.withWrite { try $0.delete(fixture.database, "a") }
        #expect(try fixture.environment.verifyPages() < pages)
    }

    /// Bits flipped in the headers of pages: what verifies can be walked without a crash.
    @Test func damagedPagesAreFound() throws {
        var random = SystemRandomNumberGenerator()
        let seed = random.next()
        var generator = SplitMix(state: seed)
        let directory = TemporaryDirectory()
        try fill(directory)
        let whole = directory.read()
        var found = 0
        for _ in 0..<1000 {
            var bytes = whole
            let page = Int.random(in: 2..<whole.count / 4096, using: &generator)
            let offset = page * 4096 + Int.random(in: 0..<40, using: &generator)
            bytes[offset] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
            directory.write(bytes)
            do {
                let environment = try Environment(path: directory.path, mapBytes: 1 << 26)
                let complete = try walkEverything(environment)
                #expect(complete, "page \(page), byte \(offset % 4096), seed \(seed)")
            } catch let error as LMDBError where error.code == LMDBError.corrupted {
                found += 1
                #expect(error.message.contains("page"), "\(error), seed \(seed)")
            }
        }
        #expect(found > 100, "seed \(seed)")
    }

    /// A page in use that is listed as free, or a free one that is listed no more, or twice.
    @Test func aDamagedListOfFreePagesIsFound() throws {
        let directory = TemporaryDirectory()
        try fill(directory)
        let whole = directory.read()
        // The leaf of the list: the root in the record at byte 40 of the header in force. Its lists are all numbers.
        let transactions = [0, 4096].map { whole[$0 + 144] }
        let header = transactions[0] > transactions[1] ? 0 : 4096
        let root = Int(whole[header + 80]) * 4096
        let nodes = Int(whole[root + 14]) | Int(whole[root + 15]) << 8
        var found = 0
        for offset in root + nodes + 16..<root + 4096 {
            var bytes = whole
            bytes[offset] ^= 1
            directory.write(bytes)
            let code = codeThrown { try open(directory) }
            if code == LMDBError.corrupted { found += 1 }
            #expect(code == nil || code == LMDBError.corrupted, "byte \(offset)")
        }
        #expect(found > 100)
    }

    /// One bit, and the file would become a hole of terabytes.
    @Test func aLastPageThatIsNotThereIsFound() throws {
        let directory = TemporaryDirectory()
        try fill(directory)
        let whole = directory.read()
        for byte in 0..<6 {
            var bytes = whole
            for header in [0, 4096] { bytes[header + 136 + byte] ^= 0x40 }
            directory.write(bytes)
            let code = codeThrown { try open(directory) }
            #expect(code == LMDBError.corrupted || code == LMDBError.invalid, "byte \(byte)")
            #expect(directory.read().count == whole.count)
        }
    }

    /// Whether every database has as many entries as it says, read through LMDB.
    private func walkEverything(_ environment: Environment) throws -> Bool {
        try environment.openDatabases(["a", "b", "c"]).allSatisfy { database in
            try environment.withRead { transaction in
                var cursor = try transaction.cursor(database)
                var (count, bytes) = (0, 0)
                var entry = try cursor.first()
                while let here = entry {
                    count += 1
                    bytes += here.key.reduce(0) { $0 + Int($1) } + here.value.reduce(0) { $0 + Int($1) }
                    entry = try cursor.next()
                }
                return try transaction.entries(database) == count && (count == 0 || bytes > 0)
            }
        }
    }
}

/// A small generator that a seed repeats.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

extension TemporaryDirectory {
    private var file: String { path + "/data.mdb" }

    /// The content of the data file.
    func read() -> [UInt8] {
        let descriptor = open(file, O_RDONLY)
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: Int(lseek(descriptor, 0, SEEK_END)))
        let count = bytes.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress, $0.count, 0) }
        precondition(count == bytes.count)
        return bytes
    }

    /// Makes `bytes` the content of the data file.
    func write(_ bytes: [UInt8]) {
        let descriptor = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        defer { close(descriptor) }
        let count = bytes.withUnsafeBytes { pwrite(descriptor, $0.baseAddress, $0.count, 0) }
        precondition(count == bytes.count)
    }
}
