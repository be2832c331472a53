import ArgumentParser
import Foundation
import GRPCClient
import Vigil
import VigilClient

/// The options of a command that is not about one store.
struct OutputArguments: ParsableArguments {
    @Flag(name: .long, help: "Print JSON: one object, or one a line.")
    var json = false
}

/// The options of a command that works on a store in a directory only.
struct DirectoryArguments: ParsableArguments {
    @Option(name: .long, help: ArgumentHelp("The store's directory.", valueName: "dir"))
    var data: String = Environment["VIGIL_DATA"] ?? StoreDirectory.standard

    @Flag(name: .long, help: "Print JSON: one object, or one a line.")
    var json = false

    /// As ``StoreDirectory/withStore(_:creates:_:)``.
    func withStore<R>(
        _ access: StoreOptions.Access, creates: Bool = true, _ body: (WatchStore) async throws -> R
    ) async throws -> R {
        try await StoreDirectory(path: data).withStore(access, creates: creates, body)
    }
}

/// The options that every command has that is about one store, in a directory or behind a server.
struct StoreArguments: ParsableArguments {
    @Option(
        name: .long,
        help: ArgumentHelp("The store's directory. (default: \(StoreDirectory.standard))", valueName: "dir"))
    var data: String?

    @OptionGroup(title: "Server Options")
    var server: ServerArguments

    @Flag(name: .long, help: "Print JSON: one object, or one a line.")
    var json = false

    func validate() throws {
        if data != nil, server.endpoint != nil { throw ValidationError("--data and --endpoint exclude each other") }
    }

    /// Opens the store or connects to it, runs `body` and closes it, whatever happens. Without `creates` a directory must
    /// have a store.
    func withStore<R>(
        _ access: StoreOptions.Access, creates: Bool = true, _ body: (any CommandStore) async throws -> R
    ) async throws -> R {
        guard let options = try clientOptions() else {
            let path = data ?? Environment["VIGIL_DATA"] ?? StoreDirectory.standard
            return try await StoreDirectory(path: path).withStore(access, creates: creates) { try await body($0) }
        }
        let client = StoreClient(options)
        let result: R
        do {
            result = try await body(client)
        } catch {
            await client.close()
            throw error
        }
        await client.close()
        return result
    }

    /// How to reach the server; nil if the store is in a directory. What is given counts, and then the environment.
    private func clientOptions() throws -> StoreClientOptions? {
        if data != nil { return nil }
        guard let endpoint = try server.endpoint ?? Self.endpointOfEnvironment() else {
            try server.requireNothing()
            return nil
        }
        return try server.options(endpoint)
    }

    private static func endpointOfEnvironment() throws -> Endpoint? {
        guard let text = Environment["VIGIL_ENDPOINT"] else { return nil }
        guard Environment["VIGIL_DATA"] == nil else {
            throw InputError("VIGIL_DATA and VIGIL_ENDPOINT are both set; say with --data or --endpoint which is meant")
        }
        guard let endpoint = Endpoint(text) else {
            throw InputError("VIGIL_ENDPOINT is \(text); it must be HOST:PORT, as in 127.0.0.1:2379 or [::1]:2379")
        }
        return endpoint
    }
}

/// A store in a directory.
struct StoreDirectory {
    static let standard = "./vigil-data"

    var path: String

    /// Opens the store, runs `body` and closes it, whatever happens. Without `creates` the store must be there.
    func withStore<R>(
        _ access: StoreOptions.Access, creates: Bool, _ body: (WatchStore) async throws -> R
    ) async throws -> R {
        var options = StoreOptions(access: access)
        options.createsStore = creates
        let store = try await WatchStore.open(path, options: options)
        let result: R
        do {
            result = try await body(store)
        } catch {
            try? await store.close()
            throw error
        }
        try await store.close()
        return result
    }
}

/// The environment; a variable that is set to nothing is not set.
enum Environment {
    static subscript(_ name: String) -> String? {
        ProcessInfo.processInfo.environment[name].flatMap { $0.isEmpty ? nil : $0 }
    }
}
