import NIOCore
import NIOHTTP2

/// What of the frames that NIO sends the handler has to know. Lives on the event loop of its connection.
final class SentFrames: NIOHTTP2FrameDelegate {
    /// Whether this side has said that the connection cannot go on: NIO says so by itself when a client breaks the protocol,
    /// and reports the error as it does those of single streams.
    private(set) var hasFatalGoAway = false
    /// Whether some of an answer has left. It may have been written long before, and have waited for the client's window.
    private var hasAnswered = false

    private let late: LateData

    init(_ late: LateData) {
        self.late = late
    }

    func wroteFrame(_ frame: HTTP2Frame) {
        switch frame.payload {
        case .goAway(_, let code, _) where code != .noError: hasFatalGoAway = true
        case .headers, .data: hasAnswered = true
        case .rstStream: late.ended(UInt32(Int(frame.streamID)))
        default: break
        }
    }

    /// Whether some of an answer has left since this was asked last.
    func takeAnswered() -> Bool {
        defer { hasAnswered = false }
        return hasAnswered
    }
}
