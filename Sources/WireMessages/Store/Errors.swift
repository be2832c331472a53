import SwiftProtobuf
package import Vigil

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

extension WireError {
    /// The trailer of a failed call that holds one, in base64.
    package static let trailer = "vigil-error-bin"

    package init(_ error: StoreError) {
        self.init()
        code = error.code.description
        // It travels in a header.
        message = String(decoding: error.message.utf8.prefix(Limits.errorMessageBytes), as: UTF8.self)
        if let requested = error.requested { self.requested = requested }
        if let earliest = error.earliest { self.earliest = earliest }
        if let head = error.head { self.head = head }
        if let resume = error.resume { self.resume = resume }
    }

    /// As a trailer.
    package var header: String {
        // A message of numbers and text can always be written.
        ((try? serializedBytes() as Data) ?? Data()).base64EncodedString()
    }

    package init?(header: String) {
        // Those who write such headers may leave out the padding.
        let padded = header + String(repeating: "=", count: (4 - header.utf8.count % 4) % 4)
        guard let bytes = Data(base64Encoded: padded), let error = try? WireError(serializedBytes: bytes) else {
            return nil
        }
        self = error
    }
}

extension StoreError {
    package init(_ wire: WireError) {
        self.init(Code(description: wire.code), wire.message)
        if wire.hasRequested { requested = wire.requested }
        if wire.hasEarliest { earliest = wire.earliest }
        if wire.hasHead { head = wire.head }
        if wire.hasResume { resume = wire.resume }
    }
}
