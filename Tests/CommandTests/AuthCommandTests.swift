import ChildProcess
import Foundation
import GRPCClient
import NIOCore
import SwiftProtobuf
import TestSupport
import Testing
import WireMessages

/// `vigil auth`: a way back in for who has lost the password of root.
@Suite(.timeLimit(.minutes(2))) struct AuthCommandTests {
    @Test func aLostPassword() async throws {
        try await withCommand { vigil in
            #expect(try await vigil("auth", "status").status == 3)
            #expect(try await vigil("auth", "disable").status == 3)
            _ = try await vigil("put", "a", "1")
            #expect(try await vigil("auth", "status").lines == ["auth is off: 0 users, 0 roles, revision 1"])
            #expect(try await vigil("auth", "disable").lines == ["auth was off already"])
            try await served(vigil) { call in
                try await call(
                    "Auth/UserAdd", EtcdAuthUserAddRequest.with { ($0.name, $0.password) = ("root", "x") }, 0)
                try await call(
                    "Auth/UserGrantRole",
                    EtcdAuthUserGrantRoleRequest.with { ($0.user, $0.role) = ("root", "root") }, 0)
                try await call("Auth/AuthEnable", EtcdAuthEnableRequest(), 0)
                try await call("KV/Put", EtcdPutRequest.with { $0.key = Data("a".utf8) }, 3)
                // Beside the server it is looked at, and not changed.
                #expect(try await vigil("auth", "disable").status == 3)
                #expect(
                    try await vigil("auth", "status", "--json").lines
                        == ["{\"enabled\":true,\"revision\":3,\"users\":1,\"roles\":0}"])
            }
            try await served(vigil) { call in
                try await call("KV/Put", EtcdPutRequest.with { $0.key = Data("a".utf8) }, 3)
            }
            #expect(try await vigil("auth", "disable").lines == ["auth is off; users and roles stay"])
            #expect(try await vigil("auth", "disable", "--json").lines == ["{\"enabled\":false,\"changed\":false}"])
            try await served(vigil) { call in
                try await call("KV/Put", EtcdPutRequest.with { $0.key = Data("a".utf8) }, 0)
                try await call("Auth/AuthEnable", EtcdAuthEnableRequest(), 0)
            }
        }
    }

    @Test func wrongLifetimes() async throws {
        try await withCommand { vigil in
            for value in ["0", "-1", "x"] {
                let refused = try await vigil("serve", "--auth-token-ttl=\(value)")
                #expect(refused.status == 2, "\(value)")
            }
        }
    }
}

/// Serves the store for `body`, which calls, and says with what status that should end.
private func served(
    _ vigil: Command, _ body: (@Sendable (String, any Message, Int) async throws -> Void) async throws -> Void
) async throws {
    let server = try vigil.start("serve", "--listen", "127.0.0.1:0")
    var port: Int?
    for await line in server.lines {
        port = line.split(separator: ",").first?.split(separator: ":").last.flatMap { Int($0) }
        break
    }
    let client = try await Client.connect(to: .init(ipAddress: "127.0.0.1", port: try #require(port)))
    try await body { path, request, expected in
        let status = try await client.unary("/etcdserverpb." + path, request.serializedBytes()).status
        #expect(status == expected, "\(path)")
    }
    try await client.close()
    server.interrupt()
    #expect(await server.status() == 0)
}
