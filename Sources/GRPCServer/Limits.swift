/// Every bound of this module, in one place. Those that a user may want to change are fields of ``ServerOptions``.
enum Limits {
    /// Bytes of a stream that may arrive before its handler reads them: the flow-control window given to the client.
    static let streamWindowBytes = 64 << 10
    /// The same of a whole connection. It is refilled as bytes arrive, so that a call which is not read blocks no other.
    static let connectionWindowBytes = 1 << 20
    /// Bytes of complete messages that wait for the handler, beyond which the client's window is not refilled.
    static let unreadBytes = 64 << 10
    /// What a message counts for beside its bytes: a client may send a million that are empty.
    static let messageOverhead = 64
    /// Bytes of messages that were sent and that the client's windows, or the network, have not yet taken; beyond, a
    /// handler that sends waits.
    static let unsentBytes = 64 << 10
    /// How long the acknowledgement of a ping may wait for something to leave with.
    static let acknowledgementMilliseconds: Int64 = 20
    /// Bytes of a frame that we accept: the least that HTTP/2 allows.
    static let frameBytes = 16 << 10
    /// Resets of streams that a client may send within `floodSeconds`: each makes and cancels a task.
    static let resets = 10_000
    /// Calls that were reset, of those that were it last, for which a client may still send something: as many as it may
    /// have open, since all can be refused at once.
    static let resetStreams = 1024
    /// Erroneous streams within `floodSeconds`.
    static let streamErrors = 1000
    /// PING, SETTINGS and PRIORITY frames within `floodSeconds`; clients measure their bandwidth with pings.
    static let controlFrames = 10_000
    /// Frames that answer a client and cannot be written, since it does not read.
    static let bufferedControlFrames = 10_000
    static let floodSeconds: Int64 = 30
    /// Pings that come too soon before the connection is closed for it.
    static let pingStrikes = 2
    /// How long a client that was told to go may take to do so.
    static let dismissalMilliseconds: Int64 = 1000
    /// Bytes of a file of certificates or with a key.
    static let certificateFileBytes = 1 << 20
    /// A connection that has not shaken hands for so long makes room for new ones.
    static let handshakeYieldMilliseconds: Int64 = 1000
    /// Between two lines of the log that say that connections are refused.
    static let refusalLogSeconds: Int64 = 1
    /// Calls of a connection, as a multiple of the streams that it may have open, beyond which more are refused: a few are
    /// over for the client before their handlers are.
    static let callsPerStream = 2
    /// Between two attempts to accept connections when the system refuses, for want of files for example.
    static let acceptRetryMilliseconds: Int64 = 1000
    /// Files that the rest of the process may open beside the connections.
    static let reservedDescriptors = 128
    /// Lines of the log in a second that say that calls were slow.
    static let slowCallLines = 10
    /// Pages that are made at a time, by threads that may block.
    static let pages = 64
    /// Bytes of pages that a client has not taken, beyond which it is given no more.
    static let unsentPageBytes = 1 << 20
    /// Connections that the operating system holds until they are accepted.
    static let backlog: Int32 = 1024
}
