#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Two ends of a pipe. Neither is inherited by other children, or its reader would wait for their end too.
struct Pipe: Sendable {
    let read: Int32
    let write: Int32

    init() throws(ChildProcessError) {
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else { throw ChildProcessError(operation: "make a pipe", code: errno) }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        read = ends[0]
        write = ends[1]
    }

    func closeRead() { close(read) }
    func closeWrite() { close(write) }

    /// Calls `body` with each whole line until the other end is closed. Returns what came after the last one.
    func readLines(_ body: (String) -> Void) -> String {
        var rest: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            #if canImport(Darwin)
                let count = Darwin.read(read, &buffer, buffer.count)
            #elseif canImport(Glibc)
                let count = Glibc.read(read, &buffer, buffer.count)
            #else
                let count = Musl.read(read, &buffer, buffer.count)
            #endif
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return String(decoding: rest, as: UTF8.self) }
            rest += buffer[..<count]
            var start = 0
            while let end = rest[start...].firstIndex(of: UInt8(ascii: "\n")) {
                body(String(decoding: rest[start..<end], as: UTF8.self))
                start = end + 1
            }
            rest.removeFirst(start)
        }
    }

    /// Writes all of `bytes`, or as much as the other end wants.
    func write(_ bytes: [UInt8]) {
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes { bytes in
                #if canImport(Darwin)
                    Darwin.write(write, bytes.baseAddress! + written, bytes.count - written)
                #elseif canImport(Glibc)
                    Glibc.write(write, bytes.baseAddress! + written, bytes.count - written)
                #else
                    Musl.write(write, bytes.baseAddress! + written, bytes.count - written)
                #endif
            }
            if count < 0, errno == EINTR { continue }
            if count <= 0 { return }
            written += count
        }
    }
}
