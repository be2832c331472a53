import Foundation

/// Prints a line, unbuffered.
func say(_ line: String) {
    let bytes = Array((line + "\n").utf8)
    var written = 0
    while written < bytes.count {
        let count = write(STDOUT_FILENO, Array(bytes[written...]), bytes.count - written)
        if count < 0, errno != EINTR { exit(1) }
        written += max(count, 0)
    }
}
