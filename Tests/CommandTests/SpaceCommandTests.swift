import Foundation
import TestSupport
import Testing

/// `seal` and `shrink`, and what `stat` says of them.
@Suite struct SpaceCommandTests {
    @Test func sealMergesWhatSingleCommandsWrote() async throws {
        try await withCommand { vigil in
            for index in 1...4 { _ = try await vigil("put", "k", "\(index)") }
            let before = try #require(try await vigil("stat", "--json").json.first)
            #expect(before["blocks"] as? Int == 4 && before["unsealed_blocks"] as? Int == 4)
            let sealed = try #require(try await vigil("seal", "--json").json.first)
            #expect(sealed["blocks_before"] as? Int == 4 && sealed["blocks"] as? Int == 1)
            let bytes = try #require(sealed["log_bytes"] as? Int)
            #expect(try #require(sealed["log_bytes_before"] as? Int) > bytes)
            let after = try #require(try await vigil("stat", "--json").json.first)
            #expect(after["blocks"] as? Int == 1 && after["log_bytes"] as? Int == bytes)
            #expect(try await vigil("get", "k", "--at", "2").lines == ["2"])
            #expect(try await vigil("check", "--deep").status == 0)
            #expect(try await vigil("seal").lines == ["sealed 1 blocks of \(bytes) B as 1 of \(bytes) B"])
        }
    }

    @Test func shrinkGivesBackWhatStatSays() async throws {
        try await withCommand { vigil in
            let lines = (0..<3000).map { #"{"key":"k\#($0)","value":"\#(String(repeating: "v\($0)", count: 60))"}"# }
            _ = try await vigil("import", try vigil.file("in.jsonl", lines.joined(separator: "\n") + "\n"))
            _ = try await vigil("del", "k", "--prefix")
            _ = try await vigil("compact", "2")
            let before = try #require(try await vigil("stat", "--json").json.first)
            let free = try #require(before["free_bytes"] as? Int)
            let file = try #require(before["file_bytes"] as? Int)
            #expect(free > file / 4)
            let shrunk = try #require(try await vigil("shrink", "--json").json.first)
            #expect(shrunk["bytes_before"] as? Int == file)
            let after = try #require(shrunk["bytes_after"] as? Int)
            #expect(after <= file - free * 9 / 10)
            let size = try FileManager.default.attributesOfItem(atPath: vigil.data + "/data.mdb")[.size] as? Int
            #expect(size == after)
            #expect(try await vigil("check", "--deep").status == 0)
            #expect(try await vigil("shrink").lines.first?.hasPrefix("shrunk from ") == true)
            let stat = try await vigil("stat").lines
            #expect(stat.contains { $0.hasPrefix("file ") && $0.contains("shrinking would give ") })
        }
    }

    @Test func withoutAStoreThereIsNothingToDo() async throws {
        try await withCommand { vigil in
            for command in ["seal", "shrink"] {
                let outcome = try await vigil(command)
                #expect(outcome.status == 3 && outcome.errors.contains("there is no store"), "\(command)")
                #expect(!FileManager.default.fileExists(atPath: vigil.data))
            }
        }
    }
}
