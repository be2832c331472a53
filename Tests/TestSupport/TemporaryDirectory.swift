import Foundation

/// A directory that is removed with everything in it at the end of its scope. With `inMemory` it is where flushes cost
/// nothing, if the system has such a place.
public func withTemporaryDirectory<R>(
    inMemory: Bool = false, _ body: (String) async throws -> R
) async throws -> R {
    let path = try makeTemporaryDirectory(inMemory: inMemory)
    defer { try? FileManager.default.removeItem(atPath: path) }
    return try await body(path)
}

/// The same, without suspending.
public func inTemporaryDirectory<R>(_ body: (String) throws -> R) throws -> R {
    let path = try makeTemporaryDirectory()
    defer { try? FileManager.default.removeItem(atPath: path) }
    return try body(path)
}

private func makeTemporaryDirectory(inMemory: Bool = false) throws -> String {
    let isThere = inMemory && FileManager.default.isWritableFile(atPath: "/dev/shm")
    let path = (isThere ? "/dev/shm" : NSTemporaryDirectory()) + "/vigil-test-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    return path
}
