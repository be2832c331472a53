import GRPCServer
import SwiftProtobuf
import Vigil
import WireMessages

/// `grpc.health.v1.Health`: whether the store takes calls.
struct HealthService {
    let member: Member

    var methods: [ServedMethod] {
        [
            .unary("/grpc.health.v1.Health/Check", .anyone) { try response(to: $0) },
            .serverStreaming("/grpc.health.v1.Health/Watch", .anyone, isLasting: true) { request, call in
                try await call.send(try response(to: request).serializedBytes())
                // It serves until it ends, and then so does this call.
                try await call.cancellation()
            },
        ]
    }

    /// The server as a whole is meant by no name; it is as healthy as each of its services.
    private func response(to request: GRPCHealthCheckRequest) throws -> GRPCHealthCheckResponse {
        guard request.service.isEmpty || request.service.hasPrefix("etcdserverpb.") else {
            throw Status(.notFound, "there is no service \(request.service)")
        }
        var response = GRPCHealthCheckResponse()
        response.status = (try? member.store.statistics()) == nil ? .notServing : .serving
        return response
    }
}
