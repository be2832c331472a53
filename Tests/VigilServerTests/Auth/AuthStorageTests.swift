import GRPCServer
import TestSupport
import Testing
import Vigil

@testable import VigilServer

/// Users and roles stay: after a restart, in a backup, and if they are many.
@Suite(.timeLimit(.minutes(2))) struct AuthStorageTests {
    private let hash = PasswordHash(of: "p", parameters: PasswordTests.cheap)

    @Test func stayAfterARestartAndInBackups() async throws {
        try await withTemporaryDirectory { directory in
            let path = directory + "/store"
            var expected = AuthState()
            do {
                let store = try await WatchStore.open(path)
                let auth = try Auth(store, tokenLifetime: .seconds(1), hashing: PasswordTests.cheap)
                #expect(auth.state == AuthState() && !auth.isEnabled)
                try await auth.addUser("root", password: "rp", from: "")
                try await auth.addUser("u", password: nil, from: "")
                try await auth.change { state throws(Status) in try state.grant(role: "root", to: "root") }
                try await auth.change { state throws(Status) in try state.addRole("r") }
                try await auth.change { state throws(Status) in
                    try state.grant(Permission(kind: .read, key: "a", end: "\0"), to: "r")
                }
                try await auth.change { state throws(Status) in try state.grant(role: "r", to: "u") }
                try await auth.change { state throws(Status) in try state.addRole("gone") }
                try await auth.change { state throws(Status) in try state.deleteRole("gone") }
                try await auth.change { state throws(Status) in try state.enable() }
                expected = auth.state
                try await store.backup(to: directory + "/store.backup")
                try await store.close()
            }
            try await WatchStore.restore(from: directory + "/store.backup", to: directory + "/restored")
            for path in [path, directory + "/restored"] {
                let store = try await WatchStore.open(path)
                let auth = try Auth(store, tokenLifetime: .seconds(1))
                #expect(auth.state == expected && auth.isEnabled)
                #expect(throws: Status.userEmpty) { try auth.caller(token: nil, commonName: nil) }
                _ = try await auth.logIn("root", password: "rp", from: "")
                try await store.close()
            }
        }
    }

    @Test func manyUsers() async throws {
        try await withTemporaryDirectory(inMemory: true) { directory in
            let store = try await WatchStore.open(directory + "/store")
            let auth = try Auth(store, tokenLifetime: .seconds(1))
            let count = 10_000
            for name in ["r", "s"] { try await auth.change { state throws(Status) in try state.addRole(Bytes(name)) } }
            // At once, since each change is flushed.
            try await auth.change { [hash] state throws(Status) in
                var all = AuthState.Touched()
                for number in 0..<count {
                    let name = Bytes("user \(number)")
                    all.users += try state.addUser(name, password: hash, takesPassword: true).users
                    _ = try state.grant(role: number % 2 == 0 ? "r" : "s", to: name)
                }
                return all
            }
            try await auth.change { state throws(Status) in try state.deleteUser("user 77") }
            // Takes it from half of them.
            try await auth.change { state throws(Status) in try state.deleteRole("r") }
            let again = try Auth(store, tokenLifetime: .seconds(1))
            #expect(again.state == auth.state && again.state.users.count == count - 1)
            #expect(again.state.users.values.count { $0.roles.isEmpty } == count / 2)
            try await store.close()
        }
    }

    /// Of changes at the same time none is lost.
    @Test func changesAreOneAfterTheOther() async throws {
        try await withTemporaryDirectory(inMemory: true) { directory in
            let store = try await WatchStore.open(directory + "/store")
            let auth = try Auth(store, tokenLifetime: .seconds(1), hashing: PasswordTests.cheap)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<50 {
                    group.addTask { try await auth.addUser(Bytes("\(number)"), password: "p", from: "\(number)") }
                }
                try await group.waitForAll()
            }
            #expect(auth.state.users.count == 50 && auth.state.revision == 51)
            #expect(try Auth(store, tokenLifetime: .seconds(1)).state == auth.state)
            try await store.close()
        }
    }

    /// What cannot be stored has not happened.
    @Test func failuresChangeNothing() async throws {
        let auth = try Auth(FullStorage(), tokenLifetime: .seconds(1), hashing: PasswordTests.cheap)
        await #expect(throws: StoreError.self) { try await auth.addUser("u", password: "p", from: "") }
        #expect(auth.state == AuthState() && auth.changeCount == 0)
    }

    private struct FullStorage: AuthStorage {
        func load() throws -> [(name: String, value: [UInt8])] { [] }

        func store(_ records: [String: [UInt8]?]) async throws { throw StoreError(.full, "no room") }
    }
}
