import CLMDB

/// The state of an environment.
public struct EnvironmentInfo: Sendable, Hashable {
    /// How much address space the map takes, in bytes.
    public var mapBytes: Int
    /// How much of the file is in use or was once, in bytes: the last page's end.
    public var usedBytes: Int
    /// The number of the last commit.
    public var lastTransaction: Int
    /// How many transactions of all processes can read at a time.
    public var maximumReaders: Int
    /// The slots that readers hold now, of all processes, also those kept for the next read.
    public var readers: [Reader]

    /// A slot in the table of readers.
    public struct Reader: Sendable, Hashable {
        /// The process that holds it.
        public var process: Int32
        /// The commit that it sees and so keeps from being reused; nil if it is between two reads.
        public var transaction: Int?
    }
}

extension Environment {
    /// The state of the environment now.
    public func info() throws(LMDBError) -> EnvironmentInfo {
        // A remap would move the header from under LMDB's feet.
        _ = try gate.enter(reading: false)
        defer { gate.leave() }
        var info = MDB_envinfo()
        try LMDBError.check(mdb_env_info(handle, &info), "read the state")
        return EnvironmentInfo(
            mapBytes: info.me_mapsize, usedBytes: (info.me_last_pgno + 1) * pageBytes,
            lastTransaction: info.me_last_txnid, maximumReaders: Int(info.me_maxreaders), readers: readers())
    }

    /// LMDB tells its readers only as text: a line of process, thread and transaction for each, after a heading.
    private func readers() -> [EnvironmentInfo.Reader] {
        var readers: [EnvironmentInfo.Reader] = []
        withUnsafeMutablePointer(to: &readers) { list in
            _ = mdb_reader_list(
                handle,
                { line, context in
                    let fields = String(cString: line!).split { $0 == " " || $0 == "\n" }
                    guard fields.count == 3, let process = Int32(fields[0]) else { return 0 }
                    let list = context!.assumingMemoryBound(to: [EnvironmentInfo.Reader].self)
                    list.pointee.append(EnvironmentInfo.Reader(process: process, transaction: Int(fields[2])))
                    return 0
                }, list)
        }
        return readers
    }
}
