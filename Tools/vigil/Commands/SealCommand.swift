import ArgumentParser
import Threads
import Vigil

struct SealCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "seal", abstract: "Merge the small blocks of the log now, which happens in the background too.")

    @OptionGroup var arguments: StoreArguments

    func run() async throws {
        let lastTenth = Lock<Int64>(0)
        let (before, after) = try await arguments.withStore(.readWrite, creates: false) { store in
            let before = try await store.statistics()
            try await store.seal { done, total in
                let tenth = total > 0 ? done * 10 / total : 10
                let isNew = lastTenth.withLock { last in
                    defer { last = max(last, tenth) }
                    return tenth > last
                }
                if isNew, Output.isInteractive { Output.error("sealed \(done) of \(total) revisions") }
            }
            return (before, try await store.statistics())
        }
        if arguments.json {
            var json = JSONObject()
            json.add("blocks_before", before.blocks)
            json.add("blocks", after.blocks)
            json.add("log_bytes_before", before.logBytes)
            json.add("log_bytes", after.logBytes)
            json.add("log_raw_bytes", after.logRawBytes)
            Output.standard.line(json)
        } else {
            Output.standard.line(
                "sealed \(before.blocks) blocks of \(Text.size(before.logBytes)) as \(after.blocks) of "
                    + "\(Text.size(after.logBytes))")
        }
    }
}
