import NIOHPACK

extension HPACKHeaders {
    /// What precedes the first message of an answer.
    static let response: HPACKHeaders = [
        ":status": "200", "content-type": "application/grpc", "grpc-accept-encoding": "identity,gzip",
    ]

    private static let success: HPACKHeaders = ["grpc-status": "0"]

    /// What ends an answer.
    static func trailers(_ status: Status, _ added: HPACKHeaders = [:]) -> HPACKHeaders {
        if status == .ok, added.isEmpty { return success }
        var trailers: HPACKHeaders = ["grpc-status": String(status.code.rawValue)]
        if !status.message.isEmpty { trailers.add(name: "grpc-message", value: StatusMessage.encode(status.message)) }
        trailers.add(contentsOf: added)
        return trailers
    }

    /// An answer of nothing but its end.
    static func trailersOnly(_ status: Status, _ added: HPACKHeaders = [:]) -> HPACKHeaders {
        var headers: HPACKHeaders = [":status": "200", "content-type": "application/grpc"]
        headers.add(contentsOf: trailers(status, added))
        return headers
    }

    /// The answer to what is not gRPC.
    static func http(_ status: Int) -> HPACKHeaders {
        var headers: HPACKHeaders = [":status": String(status), "content-type": "application/grpc"]
        // For clients of gRPC that look no further: what the status of HTTP means to them.
        headers.add(contentsOf: trailers(Status(status == 415 ? .unknown : .internalError, "HTTP \(status)")))
        return headers
    }
}
