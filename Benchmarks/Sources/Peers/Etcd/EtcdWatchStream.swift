import NIOCore

/// What a watch is told.
struct EtcdWatchSink: Sendable {
    var created: CheckedContinuation<Void, any Error>?
    var onEvent: @Sendable (Int64, String) -> Void
}

/// The watches of one connection, which share a stream; each response says which it is for.
struct EtcdWatchStream {
    private var sinks: [Int64: EtcdWatchSink] = [:]
    private var received = ByteBuffer()

    subscript(id: Int64) -> EtcdWatchSink? {
        get { sinks[id] }
        set { sinks[id] = newValue }
    }

    mutating func receive(_ bytes: ByteBuffer) throws {
        received.receive(bytes)
        while let message = try received.readGRPCMessage() {
            let response = try EtcdWatchResponse(message)
            guard let sink = sinks[response.id] else {
                // A watch that cannot be created has no ID.
                if response.isCanceled, !response.reason.isEmpty { throw PeerError(response.reason) }
                continue
            }
            if response.isCreated {
                sinks[response.id]?.created = nil
                sink.created?.resume()
            }
            for event in response.events { sink.onEvent(event.revision, event.key) }
        }
    }

    mutating func fail(_ failure: PeerError) {
        for sink in sinks.values { sink.created?.resume(throwing: failure) }
        sinks = [:]
    }
}
