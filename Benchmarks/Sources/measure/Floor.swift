import Foundation

/// What a durable write costs at least: a `pwrite` into a file that is there already, and an `fdatasync`.
enum Floor {
    static func measure(_ directory: String) throws -> Times {
        let descriptor = open(directory + "/floor", O_RDWR | O_CREAT, 0o600)
        defer { close(descriptor) }
        let zeros = [UInt8](repeating: 0, count: 8 << 20)
        _ = zeros.withUnsafeBytes { pwrite(descriptor, $0.baseAddress, $0.count, 0) }
        fsync(descriptor)
        var times = Times()
        for index in 0..<2000 {
            let start = ContinuousClock.now
            _ = zeros.withUnsafeBytes { pwrite(descriptor, $0.baseAddress, 256, off_t(index * 256)) }
            fdatasync(descriptor)
            times.add(.now - start)
        }
        Measure.show("bare pwrite + fdatasync", times.text)
        return times
    }
}
