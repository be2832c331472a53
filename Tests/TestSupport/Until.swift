/// Waits until something is so that another task, or a thread, will bring about.
public func until(_ isSo: () -> Bool) async throws {
    while !isSo() {
        try Task.checkCancellation()
        await Task.yield()
    }
}
