import ChildProcess
import Testing

/// `vigil serve` on the store of a ``Command``, which can be killed and started again where it was.
final class ServedStore {
    private let vigil: Command
    private(set) var process: ChildProcess
    /// As `--endpoint` takes it.
    let endpoint: String

    init(_ vigil: Command) async throws {
        self.vigil = vigil
        (process, endpoint) = try await Self.start(vigil, "127.0.0.1:0")
    }

    /// Without the chance to close anything.
    func kill() async {
        process.kill()
        _ = await process.status()
    }

    func start() async throws {
        (process, _) = try await Self.start(vigil, endpoint)
    }

    func end() async {
        process.interrupt()
        _ = await process.status()
    }

    private static func start(_ vigil: Command, _ address: String) async throws -> (ChildProcess, String) {
        let process = try vigil.start("serve", "--listen", address, "--json")
        var lines = process.lines.makeAsyncIterator()
        let said = try #require(Command.object(await lines.next() ?? ""))
        return (process, try #require(said["listen"] as? String))
    }
}
