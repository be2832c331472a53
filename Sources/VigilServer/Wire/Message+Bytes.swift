import GRPCServer
import NIOCore
import SwiftProtobuf

extension Message {
    /// Reads a message of a call.
    init(_ bytes: ByteBuffer) throws {
        do {
            try self.init(serializedBytes: Array(buffer: bytes))
        } catch {
            throw Status(.internalError, "the message is not a \(Self.protoMessageName): \(error)")
        }
    }
}
