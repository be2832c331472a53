import GRPCServer
import SwiftProtobuf
import WireMessages

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// `grpc.reflection.v1.ServerReflection`: which services there are and what their messages look like, so that tools such as
/// `grpcurl` need no `.proto` files. `v1alpha` has the same messages, and is what older tools ask.
struct ReflectionService {
    private let index: DescriptorIndex
    /// Full names of those that are served.
    private let services: [String]

    /// Tells of the services that have `served` methods, and of itself.
    init(of served: [ServedMethod]) throws {
        index = try DescriptorIndex(base64: fileDescriptorSet)
        let names = Set(served.compactMap { $0.path.split(separator: "/").first.map(String.init) })
        services = index.services.filter { names.contains($0) || $0 == "grpc.reflection.v1.ServerReflection" }
    }

    var methods: [ServedMethod] {
        ["v1", "v1alpha"].map { version in
            // Anybody may know what the API is.
            .streaming("/grpc.reflection.\(version).ServerReflection/ServerReflectionInfo", isLasting: false) {
                [index, services] call, _ in
                var sent: Set<String> = []
                while let bytes = try await call.next() {
                    let response = Self.response(to: try GRPCServerReflectionRequest(bytes), index, services, &sent)
                    try await call.send(try response.serializedBytes())
                }
            }
        }
    }

    private static func response(
        to request: GRPCServerReflectionRequest, _ index: DescriptorIndex, _ services: [String],
        _ sent: inout Set<String>
    ) -> GRPCServerReflectionResponse {
        var response = GRPCServerReflectionResponse()
        response.validHost = request.host
        response.originalRequest = request
        switch request.messageRequest {
        case .fileByFilename(let name):
            response.send(index.files(from: name, sent: &sent), "there is no file \(name)")
        case .fileContainingSymbol(let symbol):
            let file = index.file(containing: symbol)
            response.send(
                file.flatMap { index.files(from: $0, sent: &sent) }, "there is no \(symbol)")
        case .fileContainingExtension(let wanted):
            response.refuse(
                .notFound, "\(wanted.containingType) has no extension \(wanted.extensionNumber): there are none")
        case .allExtensionNumbersOfType(let name):
            if index.contains(message: name) {
                response.allExtensionNumbersResponse.baseTypeName = name
            } else {
                response.refuse(.notFound, "there is no message \(name)")
            }
        case .listServices:
            response.listServicesResponse.service = services.map { name in
                var service = GRPCServiceResponse()
                service.name = name
                return service
            }
        case nil: response.refuse(.invalidArgument, "the request asks for nothing")
        }
        return response
    }
}

extension GRPCServerReflectionResponse {
    fileprivate mutating func send(_ files: [Data]?, _ failure: String) {
        guard let files else { return refuse(.notFound, failure) }
        fileDescriptorResponse.fileDescriptorProto = files
    }

    fileprivate mutating func refuse(_ code: Status.Code, _ message: String) {
        errorResponse.errorCode = Int32(code.rawValue)
        errorResponse.errorMessage = message
    }
}
