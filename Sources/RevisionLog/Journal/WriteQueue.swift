import CWriteQueue

/// One write at a time that goes on while its thread does something else: Linux's asynchronous I/O.
final class WriteQueue: Sendable {
    private let handle: UInt

    /// Nil if there can be none here.
    init?() {
        handle = vigil_write_queue_make()
        if handle == 0 { return nil }
    }

    deinit {
        if handle != 0 { vigil_write_queue_free(handle) }
    }

    /// Writes `bytes` at `offset` of a file, and calls `meanwhile` once while that goes on. Returns how many bytes were
    /// written, or minus the error of the system; nil if it could not begin, and nothing was called.
    func write(
        _ bytes: UnsafeRawBufferPointer, at offset: Int, of descriptor: Int32, _ meanwhile: () -> Void
    ) -> Int? {
        guard vigil_write_begin(handle, descriptor, bytes.baseAddress, bytes.count, Int64(offset)) == 0
        else { return nil }
        meanwhile()
        return Int(vigil_write_end(handle))
    }
}
