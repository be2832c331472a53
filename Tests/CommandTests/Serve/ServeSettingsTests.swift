import ArgumentParser
import ChildProcess
import Foundation
import TestSupport
import Testing

@testable import VigilCommand

/// What `serve` takes from its options, the environment and a file.
@Suite(.timeLimit(.minutes(1))) struct ServeSettingsTests {
    /// The table names what the parser knows, and nothing else.
    @Test func everyOptionIsASetting() async throws {
        try await withCommand { vigil in
            let dump = try await vigil("serve", "--experimental-dump-help")
            let object = try #require(Command.object(dump.lines.joined()))
            let command = try #require(object["command"] as? [String: Any])
            let arguments = try #require(command["arguments"] as? [[String: Any]])
            let options = arguments.compactMap { argument -> (String, String)? in
                guard let names = argument["names"] as? [[String: Any]], let kind = argument["kind"] as? String,
                    let long = names.first(where: { $0["kind"] as? String == "long" })?["name"] as? String
                else { return nil }
                return (long, kind)
            }.filter { !["config", "help"].contains($0.0) }
            #expect(Set(options.map(\.0)) == Set(ServeSettings.all.map(\.name)))
            for (name, kind) in options {
                let setting = ServeSettings.all.first { $0.name == name }
                #expect((kind == "flag") == (setting?.kind == .flag), "\(name)")
            }
        }
    }

    @Test func optionsPrecedeVariablesPrecedeTheFile() async throws {
        try await withCommand { vigil in
            let file = try vigil.file(
                "settings.json",
                #"{"quota": "1KiB", "max-connections": 7, "slow-call": "1s", "log-level": "trace", "insecure": true}"#)
            let environment = ["VIGIL_SLOW_CALL": "2s", "VIGIL_LOG_LEVEL": "notice", "VIGIL_INSECURE": "false"]
            let before = try await ServeSettings.options(file: file, environment: environment)
            let command = try ServeCommand.parse(before + ["--log-level", "error"])
            #expect(command.serving.quota?.bytes == 1024)
            #expect(command.limits.maxConnections == 7)
            #expect(command.serving.slowCall.description == "2s")
            #expect(command.serving.logLevel == .error)
            #expect(!command.insecure)
            // Empty variables say nothing.
            let empty = try await ServeSettings.options(file: nil, environment: ["VIGIL_SLOW_CALL": ""])
            #expect(empty == [])
        }
    }

    @Test func aFileServes() async throws {
        try await withCommand { vigil in
            let file = try vigil.file("settings.json", #"{"metrics-listen": "127.0.0.1:0"}"#)
            for environment in [["VIGIL_CONFIG": file], [:]] {
                let served =
                    environment.isEmpty
                    ? try await Served(vigil, "--config", file) : try await Served(vigil, environment: environment)
                #expect(served.said["metrics"]?.hasPrefix("127.0.0.1:") == true)
                served.process.interrupt()
                #expect(await served.process.status() == 0)
            }
        }
    }

    @Test(arguments: [
        (#"{"lisen": "127.0.0.1:1"}"#, "there is no setting \"lisen\"; there are advertise, auth-token-ttl, data,"),
        (#"{"listen": 2379}"#, "\"listen\" must be a string"),
        (#"{"max-connections": "many"}"#, "\"max-connections\" must be a whole number"),
        (#"{"max-connections": 0}"#, "max-connections: --max-connections is 0; it must be from 1"),
        (#"{"quota": "much"}"#, "quota: The value 'much' is invalid for '--quota <size>'"),
        (#"{"insecure": "yes"}"#, "\"insecure\" must be true or false"),
        (#"{"slow-call": "fast"}"#, "slow-call: The value 'fast' is invalid for '--slow-call <duration>'"),
        (#"{"listen": "nowhere"}"#, "listen: The value 'nowhere' is invalid for '--listen <host:port>'"),
        (#"{"log-level": {"a": 1}}"#, "\"log-level\" must be a string"),
        ("[]", "is not an object of JSON"), ("{", "is not an object of JSON"),
    ])
    func aWrongFileIsRefused(_ text: String, _ message: String) async throws {
        try await withCommand { vigil in
            let file = try vigil.file("settings.json", text)
            let refused = try await vigil("serve", "--config", file)
            #expect(refused.status == 2 && refused.errors.contains(file))
            #expect(refused.errors.contains(message), "\(refused.errors)")
            #expect(!FileManager.default.fileExists(atPath: vigil.data))
        }
    }

    @Test func aWrongVariableIsRefused() async throws {
        await #expect {
            try await ServeSettings.options(file: nil, environment: ["VIGIL_MAX_CONNECTIONS": "many"])
        } throws: {
            "\($0)" == "the environment: \"max-connections\" must be a whole number"
        }
        await #expect {
            try await ServeSettings.options(file: nil, environment: ["VIGIL_SHUTDOWN_GRACE": "soon"])
        } throws: {
            "\($0)".hasPrefix("the environment: VIGIL_SHUTDOWN_GRACE: The value 'soon' is invalid for")
        }
        try await withCommand { vigil in
            let missing = try await vigil("serve", "--config", vigil.directory + "/none")
            #expect(missing.status == 2 && missing.errors.contains("cannot read \(vigil.directory)/none"))
        }
    }

    /// As help shows them.
    @Test(arguments: ["1ms", "300ms", "10s", "5m", "2h", "0w", "1500ms"])
    func durations(_ text: String) {
        #expect(DurationArgument(argument: text)?.description == text)
    }
}
