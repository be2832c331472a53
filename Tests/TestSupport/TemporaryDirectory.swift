import Foundation

/// A directory that is removed with everything in it at the end of its scope.
public func withTemporaryDirectory<R>(_ body: (String) async throws -> R) async throws -> R {
    let path = try makeTemporaryDirectory()
    defer { try? FileManager.default.removeItem(atPath: path) }
    return try await body(path)
}

/// The same, without suspending.
public func inTemporaryDirectory<R>(_ body: (String) throws -> R) throws -> R {
    let path = try makeTemporaryDirectory()
    defer { try? FileManager.default.removeItem(atPath: path) }
    return try body(path)
}

/// The same, in memory if the system has a place for that: for who writes much and flushes often, and never looks at a disk.
public func withMemoryDirectory<R>(_ body: (String) async throws -> R) async throws -> R {
    let memory = "/dev/shm"
    let isThere = FileManager.default.isWritableFile(atPath: memory)
    let path = try makeTemporaryDirectory(isThere ? memory : NSTemporaryDirectory())
    defer { try? FileManager.default.removeItem(atPath: path) }
    return try await body(path)
}

private func makeTemporaryDirectory(_ place: String = NSTemporaryDirectory()) throws -> String {
    let path = place + "/vigil-test-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    return path
}
