import CLMDBFloor
import Foundation

/// What a durable put cannot do without: a write into a file that is there already, and a flush. For many writers the
/// records of all of them go with one write.
enum FlushFloor {
    static let name = "bare pwrite + fdatasync"

    /// Blocks for so many seconds. `flushed` is told how many puts each flush was for.
    static func measure(
        _ path: String, writers: Int, bytes: Int, seconds: Double, flushed: (Int) -> Void = { _ in }
    ) throws -> PutFigures {
        var file = try FlushedFile(path)
        var figures = PutFigures()
        let start = now()
        repeat {
            let begin = now()
            try file.append(writers * bytes)
            figures.times.add(now() - begin)
            figures.puts += writers
            flushed(writers)
        } while now() - start < .seconds(seconds)
        figures.seconds = Double(now() - start) / 1e9
        return figures
    }

    /// Blocks for so many seconds, with so many puts a second, evenly spread. Those that come during a flush go together with
    /// the next; the time of each counts from when it came.
    static func measure(_ path: String, perSecond: Double, bytes: Int, seconds: Double) throws -> PutFigures {
        var file = try FlushedFile(path)
        var figures = PutFigures()
        let start = now()
        func time(of put: Int) -> Int64 { start + .seconds(Double(put) / perSecond) }
        let all = Int(perSecond * seconds)
        while figures.puts < all {
            let rest = time(of: figures.puts) - now()
            if rest > 0 { usleep(UInt32(rest / 1000)) }
            let begin = now()
            var end = figures.puts + 1
            while end < all, time(of: end) <= begin { end += 1 }
            try file.append((end - figures.puts) * bytes)
            let flushed = now()
            for put in figures.puts..<end { figures.times.add(flushed - time(of: put)) }
            figures.puts = end
        }
        figures.seconds = Double(now() - start) / 1e9
        return figures
    }
}

/// A file of zeros that is written from the front on, again and again.
struct FlushedFile: ~Copyable {
    private static let size = 16 << 20

    private let descriptor: Int32
    private var offset = 0

    init(_ path: String) throws {
        descriptor = open(path, O_RDWR | O_CREAT, 0o600)
        guard descriptor >= 0 else { throw FloorError(call: "open", code: errno) }
        let zeros = [UInt8](repeating: 0, count: Self.size)
        let written = zeros.withUnsafeBytes { pwrite(descriptor, $0.baseAddress, Self.size, 0) }
        guard written == Self.size, fsync(descriptor) == 0 else { throw FloorError(call: "pwrite", code: errno) }
    }

    deinit {
        close(descriptor)
    }

    mutating func append(_ bytes: Int) throws { try append([UInt8](repeating: 0x78, count: bytes)) }

    mutating func append(_ record: [UInt8]) throws {
        if offset + record.count > Self.size { offset = 0 }
        let written = record.withUnsafeBytes { pwrite(descriptor, $0.baseAddress, $0.count, off_t(offset)) }
        // On Darwin a flush that reaches the medium is another call; the floor is for Linux.
        guard written == record.count, fdatasync(descriptor) == 0 else {
            throw FloorError(call: "fdatasync", code: errno)
        }
        offset += record.count
    }
}

/// A commit of LMDB for every put, or for the puts of all writers together, with random keys.
enum LMDBFloor {
    static let name = "bare LMDB commit"

    /// Blocks for so many seconds.
    static func measure(_ path: String, writers: Int, bytes: Int, seconds: Double) throws -> PutFigures {
        let lmdb = try BareLMDB(path, valueBytes: bytes)
        var figures = PutFigures()
        let start = now()
        repeat {
            let begin = now()
            try lmdb.commit(puts: writers)
            figures.times.add(now() - begin)
            figures.puts += writers
        } while now() - start < .seconds(seconds)
        figures.seconds = Double(now() - start) / 1e9
        return figures
    }
}

/// LMDB with nothing around it. For one thread.
final class BareLMDB {
    private let environment: OpaquePointer?
    private var value: [UInt8]
    private var random = Random(seed: 1)

    init(_ path: String, valueBytes: Int) throws {
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        var environment: OpaquePointer?
        let code = mdb_env_create(&environment)
        (self.environment, value) = (environment, [UInt8](repeating: 0x78, count: valueBytes))
        try check("mdb_env_create", code)
        try check("mdb_env_set_mapsize", mdb_env_set_mapsize(environment, 16 << 30))
        try check("mdb_env_open", mdb_env_open(environment, path, 0, 0o600))
    }

    deinit {
        mdb_env_close(environment)
    }

    /// Puts so many values under random keys out of a million, those of one commit in the keys' order.
    func commit(puts: Int) throws {
        var transaction: OpaquePointer?
        var database: MDB_dbi = 0
        try check("mdb_txn_begin", mdb_txn_begin(environment, nil, 0, &transaction))
        try check("mdb_dbi_open", mdb_dbi_open(transaction, nil, 0, &database))
        for number in (0..<puts).map({ _ in random.next(below: 1_000_000) }).sorted() {
            var key = Array(Compare.key(number).utf8)
            try put(transaction, database, &key)
        }
        try check("mdb_txn_commit", mdb_txn_commit(transaction))
    }

    private func put(_ transaction: OpaquePointer?, _ database: MDB_dbi, _ key: inout [UInt8]) throws {
        try key.withUnsafeMutableBytes { key in
            try value.withUnsafeMutableBytes { value in
                var name = MDB_val(mv_size: key.count, mv_data: key.baseAddress)
                var data = MDB_val(mv_size: value.count, mv_data: value.baseAddress)
                try check("mdb_put", mdb_put(transaction, database, &name, &data, 0))
            }
        }
    }

    private func check(_ call: String, _ code: Int32) throws {
        if code != 0 { throw FloorError(call: call, code: code) }
    }
}

struct FloorError: Error {
    let call: String
    let code: Int32
}
