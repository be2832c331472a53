import Foundation
import TestSupport
import Testing

@Suite struct RecoverCommandTests {
    /// A store whose first block is damaged, and whose journal has been used for other things since.
    private func damage(_ vigil: Command) async throws {
        for round in 0..<3 {
            let lines = (0..<20).map { #"{"key":"k\#($0)","value":"round \#(round)"}"# }
            _ = try await vigil("import", "-", input: lines.joined(separator: "\n"))
        }
        try FileManager.default.removeItem(atPath: vigil.data + "/journal-000")
        let url = URL(fileURLWithPath: vigil.data + "/data.mdb")
        var data = try Data(contentsOf: url)
        // In a block of the second round, of which the last commit of LMDB changed nothing.
        let text = Data("round 1".utf8)
        var place = try #require(data.range(of: text)).lowerBound
        while true {
            data[place] ^= 1
            guard let next = data[(place + 1)...].range(of: text) else { break }
            place = next.lowerBound
        }
        try data.write(to: url)
    }

    @Test func whatIsLostIsNamedAndTheRestIsKept() async throws {
        try await withCommand { vigil in
            try await damage(vigil)
            #expect(try await vigil("check").status == 3)
            let (new, salvage) = (vigil.directory + "/new", vigil.directory + "/salvage")
            let outcome = try await vigil("recover", vigil.data, new, "--salvage", salvage)
            #expect(outcome.status == 0, "\(outcome.errors)")
            let text = outcome.lines.joined(separator: "\n")
            #expect(text.contains("lost: revisions 2") && text.contains("not complete"), "\(text)")
            #expect(text.contains("damaged: log block"), "\(text)")
            #expect(try await vigil("check", "--deep", "--data", new).status == 0)
            for key in ["k0", "k19"] { #expect(try await vigil("get", key, "--data", new).lines == ["round 2"]) }
            // What lies before the hole, and before the last key whose value in the hole is not known, goes elsewhere.
            let older = vigil.directory + "/older"
            #expect(try await vigil("import", salvage, "--data", older).status == 0)
            #expect(try await vigil("get", "k19", "--data", older).lines == ["round 0"])
            let again = try await vigil("recover", vigil.data, vigil.directory + "/again", "--json")
            #expect(again.json.first?["complete"] as? Bool == false)
            #expect((again.json.first?["lost"] as? [[String: Any]])?.isEmpty == false)
        }
    }

    @Test func wrongUsage() async throws {
        try await withCommand { vigil in
            let new = vigil.directory + "/new"
            #expect(try await vigil("recover", vigil.data).status == 2)
            #expect(try await vigil("recover", vigil.data, new).status == 3)
            _ = try await vigil("put", "k", "v")
            let file = try vigil.file("salvage", "mine")
            let taken = try await vigil("recover", vigil.data, new, "--salvage", file)
            #expect(taken.status == 2 && taken.errors.contains("salvage"))
            #expect(try await vigil("recover", vigil.data, vigil.data).status == 2)
            #expect(!FileManager.default.fileExists(atPath: new))
            let whole = try await vigil("recover", vigil.data, new)
            #expect(whole.status == 0 && whole.lines.last?.hasPrefix("complete: ") == true)
        }
    }

    @Test func nothingIntactIsThree() async throws {
        try await withCommand { vigil in
            try FileManager.default.createDirectory(atPath: vigil.data, withIntermediateDirectories: false)
            try Data(count: 8192).write(to: URL(fileURLWithPath: vigil.data + "/data.mdb"))
            let outcome = try await vigil("recover", vigil.data, vigil.directory + "/new", "--json")
            #expect(outcome.status == 3 && Command.object(outcome.errors)?["error"] as? String == "damaged")
            #expect(
                try FileManager.default.contentsOfDirectory(atPath: vigil.directory).filter { $0.hasPrefix("new") }
                    == [])
        }
    }
}
