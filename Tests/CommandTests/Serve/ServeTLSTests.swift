import ChildProcess
import Foundation
import GRPCClient
import NIOCore
import NIOSSL
import TestCertificates
import TestSupport
import Testing

/// `vigil serve` with certificates.
@Suite(.timeLimit(.minutes(1))) struct ServeTLSTests {
    /// Files for a server in the folder of `vigil`, and its authority.
    private func prepare(_ vigil: Command) throws -> (authority: Authority, arguments: [String]) {
        let authority = try Authority()
        let folder = vigil.directory
        try write(try authority.pem, folder + "/ca.crt")
        try put(try authority.issue("server"), folder)
        return (
            authority, ["--tls-cert", folder + "/server.crt", "--tls-key", folder + "/server.key"]
        )
    }

    private func put(_ issued: Authority.Issued, _ folder: String) throws {
        try write(issued.certificate, folder + "/server.crt")
        try write(issued.key, folder + "/server.key")
    }

    private func write(_ text: String, _ path: String) throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
    }

    private func client(trusting authority: Authority, port: Int) async throws -> Client {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.trustRoots = .certificates(try NIOSSLCertificate.fromPEMBytes(Array(authority.pem.utf8)))
        configuration.applicationProtocols = ["h2"]
        return try await Client.connect(
            to: .init(ipAddress: "127.0.0.1", port: port), tls: .init(configuration, host: "localhost"))
    }

    @Test func servesOtherMachinesAndReloadsOnSIGHUP() async throws {
        try await withCommand { vigil in
            let (authority, arguments) = try prepare(vigil)
            let server = try vigil.start(["serve", "--listen", "0.0.0.0:0", "--json"] + arguments)
            var lines = server.lines.makeAsyncIterator()
            let said = try #require(Command.object(await lines.next() ?? ""))
            let address = try #require(said["listen"] as? String)
            let port = try #require(address.split(separator: ":").last.flatMap { Int($0) })
            let old = try await client(trusting: authority, port: port)
            #expect(try await old.unary("/grpc.health.v1.Health/Check", []).status == 0)

            let newAuthority = try Authority()
            try put(try newAuthority.issue("server"), vigil.directory)
            server.signal(SIGHUP)
            // It says so in its log, which is no stream here.
            var new: Client?
            while new == nil { new = try? await client(trusting: newAuthority, port: port) }
            #expect(try await new!.unary("/grpc.health.v1.Health/Check", []).status == 0)
            #expect(try await old.unary("/grpc.health.v1.Health/Check", []).status == 0)
            server.interrupt()
            #expect(await server.status() == 0)
            #expect(try String(contentsOfFile: vigil.backgroundErrors, encoding: .utf8).contains("new certificate"))
        }
    }

    @Test func wrongFilesAndOptions() async throws {
        try await withCommand { vigil in
            let (_, arguments) = try prepare(vigil)
            for (wrong, reason) in [
                (["--tls-cert", arguments[1]], "give both"), (["--tls-client-ca", arguments[1]], "needs --tls-cert"),
                (arguments + ["--tls-client-optional"], "needs --tls-client-ca"),
                (["--tls-cert", "/none", "--tls-key", arguments[3]], "there is no such file"),
                (["--tls-cert", arguments[3], "--tls-key", arguments[1]], "no certificate in PEM"),
            ] {
                let outcome = try await vigil.run(["serve", "--listen", "127.0.0.1:0"] + wrong)
                #expect(outcome.status == 2 && outcome.errors.contains(reason), "\(outcome.errors)")
            }
        }
    }
}
