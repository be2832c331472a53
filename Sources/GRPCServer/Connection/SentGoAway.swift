import NIOCore
import NIOHTTP2

/// Whether this side has said that the connection cannot go on: NIO says so by itself when a client breaks the protocol,
/// and reports the error as it does those of single streams. Lives on the event loop of its connection.
final class SentGoAway: NIOHTTP2FrameDelegate {
    private(set) var isFatal = false

    func wroteFrame(_ frame: HTTP2Frame) {
        if case .goAway(_, let code, _) = frame.payload, code != .noError { isFatal = true }
    }
}
