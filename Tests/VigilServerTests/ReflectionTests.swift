import GRPCClient
import NIOCore
import SwiftProtobuf
import Testing
import WireMessages

@testable import VigilServer

/// Server reflection, as `grpcurl` uses it.
@Suite(.timeLimit(.minutes(1))) struct ReflectionTests {
    /// A stream of questions and answers.
    private struct Reflection {
        let call: ClientCall

        func ask(_ fill: (inout GRPCServerReflectionRequest) -> Void) async throws -> GRPCServerReflectionResponse {
            var request = GRPCServerReflectionRequest()
            fill(&request)
            try await call.send(request.serializedBytes())
            let response = try GRPCServerReflectionResponse(serializedBytes: try await call.next() ?? [])
            #expect(response.originalRequest == request)
            return response
        }

        func files(_ fill: (inout GRPCServerReflectionRequest) -> Void) async throws
            -> [Google_Protobuf_FileDescriptorProto]
        {
            try await ask(fill).fileDescriptorResponse.fileDescriptorProto.map { try .init(serializedBytes: $0) }
        }
    }

    private func withReflection(
        _ version: String = "v1", _ body: (Reflection) async throws -> Void
    ) async throws {
        try await withEtcdServer { port, _ in
            let client = try await Client.connect(to: .init(ipAddress: "127.0.0.1", port: port))
            let path = "/grpc.reflection.\(version).ServerReflection/ServerReflectionInfo"
            try await body(Reflection(call: try await client.call(path)))
        }
    }

    @Test(arguments: ["v1", "v1alpha"]) func services(_ version: String) async throws {
        try await withReflection(version) { reflection in
            let listed = try await reflection.ask { $0.listServices = "*" }.listServicesResponse.service.map(\.name)
            #expect(listed == listed.sorted())
            for name in ["KV", "Watch", "Lease", "Cluster", "Maintenance"] {
                #expect(listed.contains("etcdserverpb.\(name)"))
            }
            #expect(listed.contains("grpc.health.v1.Health") && listed.contains("grpc.reflection.v1.ServerReflection"))
            // Each can be described.
            for name in listed {
                let files = try await reflection.files { $0.fileContainingSymbol = name }
                #expect(files.first?.service.contains { "\(files[0].package).\($0.name)" == name } == true, "\(name)")
            }
        }
    }

    @Test(
        arguments: [
            "etcdserverpb.KV", "etcdserverpb.KV.Range", "etcdserverpb.RangeRequest", "etcdserverpb.RangeRequest.key",
            "etcdserverpb.RangeRequest.SortOrder", "etcdserverpb.RangeRequest.NONE",
            "etcdserverpb.RequestOp.request",
        ])
    func symbols(_ symbol: String) async throws {
        try await withReflection { reflection in
            let files = try await reflection.files { $0.fileContainingSymbol = symbol }
            #expect(files.map(\.name) == ["kv.proto", "mvcc.proto"])
        }
    }

    /// A file brings what it depends on, and nothing that the stream has had.
    @Test func filesAndDependencies() async throws {
        try await withReflection { reflection in
            let first = try await reflection.files { $0.fileByFilename = "kv.proto" }.map(\.name)
            #expect(first == ["kv.proto", "mvcc.proto"])
            let second = try await reflection.files { $0.fileByFilename = "watch.proto" }.map(\.name)
            #expect(second == ["watch.proto"])
        }
        try await withReflection { reflection in
            let alone = try await reflection.files { $0.fileByFilename = "watch.proto" }.map(\.name)
            #expect(Set(alone) == ["watch.proto", "kv.proto", "mvcc.proto"] && alone.first == "watch.proto")
        }
    }

    @Test func whatThereIsNot() async throws {
        try await withReflection { reflection in
            let file = try await reflection.ask { $0.fileByFilename = "none.proto" }
            let symbol = try await reflection.ask { $0.fileContainingSymbol = "etcdserverpb.None" }
            let extended = try await reflection.ask { $0.fileContainingExtension.containingType = "mvccpb.Event" }
            let type = try await reflection.ask { $0.allExtensionNumbersOfType = "none" }
            #expect([file, symbol, extended, type].map(\.errorResponse.errorCode) == [5, 5, 5, 5])
            let nothing = try await reflection.ask { _ in }
            #expect(nothing.errorResponse.errorCode == 3)
            let extensions = try await reflection.ask { $0.allExtensionNumbersOfType = "mvccpb.Event" }
            #expect(extensions.allExtensionNumbersResponse.baseTypeName == "mvccpb.Event", "\(extensions)")
            #expect(extensions.allExtensionNumbersResponse.extensionNumber.isEmpty)
        }
    }

    /// Every method of a service that is listed is served, if only to say that it is not implemented.
    @Test func whatIsDescribedIsServed() async throws {
        try await withEtcdServer { port, _ in
            let client = try await Client.connect(to: .init(ipAddress: "127.0.0.1", port: port))
            let call = try await client.call("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo")
            let reflection = Reflection(call: call)
            for service in try await reflection.ask({ $0.listServices = "" }).listServicesResponse.service {
                let files = try await reflection.files { $0.fileContainingSymbol = service.name }
                for described in files[0].service where "\(files[0].package).\(described.name)" == service.name {
                    for method in described.method {
                        let call = try await client.call("/\(service.name)/\(method.name)")
                        try await call.sendRaw([2, 0, 0, 0, 0])
                        let answer = try await call.answer()
                        #expect(answer.message?.contains("unknown method") != true, "\(service.name)/\(method.name)")
                    }
                }
            }
        }
    }
}
