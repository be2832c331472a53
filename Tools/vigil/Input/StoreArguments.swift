import ArgumentParser
import Foundation
import Vigil

/// The options of a command that is not about one store.
struct OutputArguments: ParsableArguments {
    @Flag(name: .long, help: "Print JSON: one object, or one a line.")
    var json = false
}

/// The options that every command has that is about one store.
struct StoreArguments: ParsableArguments {
    @Option(name: .long, help: ArgumentHelp("The store's directory.", valueName: "dir"))
    var data: String =
        ProcessInfo.processInfo.environment["VIGIL_DATA"].flatMap { $0.isEmpty ? nil : $0 }
        ?? "./vigil-data"

    @Flag(name: .long, help: "Print JSON: one object, or one a line.")
    var json = false

    /// Opens the store, runs `body` and closes it, whatever happens. Without `creates` the store must be there.
    func withStore<R>(
        _ access: StoreOptions.Access, creates: Bool = true, _ body: (WatchStore) async throws -> R
    ) async throws -> R {
        var options = StoreOptions(access: access)
        options.createsStore = creates
        let store = try await WatchStore.open(data, options: options)
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
