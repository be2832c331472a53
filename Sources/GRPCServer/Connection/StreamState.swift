import NIOCore

/// What the event loop knows of one open stream.
struct StreamState {
    /// Nil for a stream that was answered without a handler.
    var call: Call?
    var deframer: Deframer
    /// Bytes that the client may still send.
    var window = Limits.streamWindowBytes
    var deadline: Scheduled<Void>?
    var isInputEnded = false
    /// Whether the status was written, or waits behind messages that the client's window holds up.
    var isAnswered = false
}
