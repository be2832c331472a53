import Dispatch
import Foundation
import Synchronization

/// What durable puts of many tasks cannot do without: each hands its record to a thread and waits; the thread writes what
/// has come with one flush, and has all resumed. No index, no history, nobody who watches, no checkpoint.
struct GroupFloor: StoreSystem {
    let name = "bare group commit"

    func open(_ directory: String) async throws -> any OpenStore {
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        let group = try Group(directory + "/journal")
        Thread.detachNewThread { while group.commit() {} }
        return group
    }
}

private final class Group: OpenStore, StoreSession {
    private struct State {
        var records: [UInt8] = []
        var waiting: [UnsafeContinuation<Int64, any Error>] = []
        var isClosed = false
    }

    private let state = Mutex(State())
    private let bell = DispatchSemaphore(value: 0)
    /// The thread's.
    private let file: Mutex<FlushedFile>

    init(_ path: String) throws { file = Mutex(try FlushedFile(path)) }

    func session(callers: Int) async throws -> any StoreSession { self }

    func put(_ key: String, _ value: [UInt8]) async throws -> Int64 {
        try await withUnsafeThrowingContinuation { continuation in
            let isFirst = state.withLock { state in
                state.records += key.utf8
                state.records += value
                state.waiting.append(continuation)
                return state.waiting.count == 1
            }
            if isFirst { bell.signal() }
        }
    }

    /// Writes what has come, waiting for the first; false when it is closed.
    func commit() -> Bool {
        bell.wait()
        let (records, waiting, isClosed) = state.withLock { state in
            defer { (state.records, state.waiting) = ([], []) }
            return (state.records, state.waiting, state.isClosed)
        }
        if isClosed { return false }
        let result = Result { try file.withLock { try $0.append(records) } }
        // As Vigil's: the first to be resumed wakes the tasks' pool, not each.
        Task.detached { for continuation in waiting { continuation.resume(with: result.map { 0 }) } }
        return true
    }

    func watch(
        _ keys: Keys, from revision: Int64?, onEvent: @escaping @Sendable (Int64) -> Void
    ) async throws -> any StoreWatch {
        throw MeasurementError("a bare group commit has nothing to watch")
    }

    func stall(_ keys: Keys) async throws -> (any StoreWatch)? { nil }

    func close() async {}

    func shutDown() async throws {
        state.withLock { $0.isClosed = true }
        bell.signal()
    }
}
