import Foundation

/// Reads a file or standard input line by line, in bounded memory.
final class LineReader {
    /// A line longer than this is refused; the largest value takes at most a third of it, however it is escaped.
    static let longestLine = 16 << 20
    private static let readBytes = 64 << 10

    private let handle: FileHandle
    private var buffer = Data()
    private var isAtEnd = false
    private(set) var number = 0

    init(_ handle: FileHandle) {
        self.handle = handle
    }

    /// The next line that is not blank, without its end; nil after the last.
    func next() throws -> Data? {
        while true {
            if let end = buffer.firstIndex(of: UInt8(ascii: "\n")) {
                let line = Data(buffer[buffer.startIndex..<end])
                buffer.removeSubrange(buffer.startIndex...end)
                number += 1
                if !Self.isBlank(line) { return line }
                continue
            }
            if isAtEnd {
                guard !buffer.isEmpty else { return nil }
                defer { buffer = Data() }
                number += 1
                return Self.isBlank(buffer) ? nil : buffer
            }
            guard buffer.count <= Self.longestLine else {
                throw InputError("line \(number + 1): longer than \(Self.longestLine) bytes")
            }
            try fill()
        }
    }

    /// Takes what there is. `FileHandle` would wait for all that it is asked for.
    private func fill() throws {
        var chunk = [UInt8](repeating: 0, count: Self.readBytes)
        var count: Int
        repeat { count = Foundation.read(handle.fileDescriptor, &chunk, chunk.count) } while count < 0 && errno == EINTR
        guard count >= 0 else {
            throw InputError("cannot read after line \(number): \(String(cString: strerror(errno)))")
        }
        isAtEnd = count == 0
        buffer.append(contentsOf: chunk[..<count])
    }

    /// Whether the next line has yet to be written by somebody.
    var wouldWait: Bool {
        guard !isAtEnd, !buffer.contains(UInt8(ascii: "\n")) else { return false }
        var input = pollfd(fd: handle.fileDescriptor, events: Int16(POLLIN), revents: 0)
        return poll(&input, 1, 0) == 0
    }

    private static func isBlank(_ line: Data) -> Bool {
        line.allSatisfy { $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }
    }
}
