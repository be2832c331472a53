import ArgumentParser
import Configuration
import Foundation
import SystemPackage
import Vigil

/// What can be said to `serve`, by an option, in the environment or in a file: the same names everywhere.
///
///     --metrics-listen 127.0.0.1:2381        an option
///     VIGIL_METRICS_LISTEN=127.0.0.1:2381    a variable
///     {"metrics-listen": "127.0.0.1:2381"}   a file of JSON, named by --config or VIGIL_CONFIG
///
/// Options precede variables, which precede the file. What a variable or the file says becomes an option before those of
/// the command line, so that one parser knows what is valid. A new option of ``ServeCommand`` needs a line here.
enum ServeSettings {
    enum Kind {
        case text, number, flag

        var type: ConfigType {
            switch self {
            case .text: .string
            case .number: .int
            case .flag: .bool
            }
        }

        /// As the file has it.
        var name: String {
            switch self {
            case .text: "a string"
            case .number: "a whole number"
            case .flag: "true or false"
            }
        }
    }

    /// By the names of the options.
    static let all: [(name: String, kind: Kind)] = [
        ("data", .text),
        ("json", .flag),
        ("listen", .text),
        ("advertise", .text),
        ("metrics-listen", .text),
        ("grpc-only", .flag),
        ("tls-cert", .text),
        ("tls-key", .text),
        ("tls-client-ca", .text),
        ("tls-client-optional", .flag),
        ("insecure", .flag),
        ("quota", .text),
        ("auth-token-ttl", .number),
        ("max-connections", .number),
        ("max-concurrent-streams", .number),
        ("max-calls", .number),
        ("max-watches", .number),
        ("max-txn-ops", .number),
        ("idle-timeout", .number),
        ("shutdown-grace", .text),
        ("log-level", .text),
        ("slow-call", .text),
    ]

    /// The options that the environment and the file at `path` mean, to be put before those of the command line.
    ///
    /// - Throws: An ``InputError`` that names the source, the key, the value and what is allowed.
    static func options(file path: String?, environment: [String: String]) async throws -> [String] {
        var sources = [Source(environment: environment)]
        if let path { sources.append(try await Source(file: path)) }
        var options: [String] = []
        for (name, kind) in all {
            for source in sources {
                guard let (value, place) = try source.value(of: name, kind) else { continue }
                let option = value.option(name)
                do {
                    _ = try ServeCommand.parse(option)
                } catch {
                    throw InputError("\(place): \(ServeCommand.message(for: error))")
                }
                options += option
                break
            }
        }
        return options
    }
}

/// One place in which settings are looked for.
private struct Source {
    private let name: String
    private let provider: any ConfigProvider

    init(environment: [String: String]) {
        name = "the environment"
        // An empty variable says nothing, as everywhere in `vigil`.
        provider = EnvironmentVariablesProvider(environmentVariables: environment.filter { !$0.value.isEmpty })
            .prefixKeys(with: ["vigil"])
    }

    init(file path: String) async throws {
        name = path
        let bytes: Data
        do {
            bytes = try Data(contentsOf: URL(fileURLWithPath: path))
        } catch {
            throw InputError("cannot read \(path): \((error as NSError).localizedDescription)")
        }
        try Self.check(bytes, path)
        provider = try await FileProvider<JSONSnapshot>(filePath: FilePath(path))
    }

    /// Nobody notices by the behaviour of a server that a name was written wrongly.
    private static func check(_ bytes: Data, _ path: String) throws {
        guard let object = try? JSONSerialization.jsonObject(with: bytes) as? [String: Any] else {
            throw InputError("\(path) is not an object of JSON, as {\"listen\": \"127.0.0.1:2379\"} is one")
        }
        let known = ServeSettings.all.map(\.name)
        // What is within an object has a name of its own, and would be missed.
        if let nested = ServeSettings.all.first(where: { object[$0.name] is [String: Any] || object[$0.name] is [Any] })
        {
            throw InputError("\(path): \"\(nested.name)\" must be \(nested.kind.name)")
        }
        guard let unknown = object.keys.sorted().first(where: { !known.contains($0) }) else { return }
        throw InputError(
            "\(path): there is no setting \"\(unknown)\"; there are \(known.sorted().joined(separator: ", "))")
    }

    /// What is said, and where; nil if nothing is.
    func value(of name: String, _ kind: ServeSettings.Kind) throws -> (Value, place: String)? {
        let result: LookupResult
        do {
            result = try provider.value(forKey: AbsoluteConfigKey([name]), type: kind.type)
        } catch {
            throw InputError("\(self.name): \"\(name)\" must be \(kind.name)")
        }
        guard let value = result.value else { return nil }
        return (Value(value.content), place: "\(self.name): \(result.encodedKey)")
    }
}

/// What is said of one setting.
private enum Value {
    case text(String)
    case flag(Bool)

    init(_ content: ConfigContent) {
        switch content {
        case .string(let text): self = .text(text)
        case .int(let number): self = .text(String(number))
        case .bool(let isSet): self = .flag(isSet)
        default: preconditionFailure("a setting was asked for as one kind and is another")
        }
    }

    func option(_ name: String) -> [String] {
        switch self {
        case .text(let text): ["--\(name)=\(text)"]
        case .flag(let isSet): isSet ? ["--\(name)"] : []
        }
    }
}
