import Foundation
import TestSupport
import Testing
import Vigil

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

    @Test func leasesAndPropertiesAreCounted() async throws {
        try await withCommand { vigil in
            let store = try await WatchStore.open(vigil.data)
            for id in 1...3 { _ = try await store.grantLease(seconds: 60, id: Int64(id)) }
            try await store.put("held", "v", lease: 2)
            try await store.setProperties(["one": Array("the first".utf8), "two": Array("the other".utf8)])
            // Both of LMDB's last commits have all of it.
            for value in ["1", "2"] as [Bytes] {
                try await store.put("end", value)
                try await store.seal()
            }
            try await store.close()
            let whole = try await vigil("recover", vigil.data, vigil.directory + "/whole")
            #expect(
                whole.lines.dropLast() == ["leases: 3 kept, 0 lost", "properties: 2 kept, 0 lost"]
                    && whole.lines.last?.hasPrefix("complete: ") == true, "\(whole.lines)")
            // The value of a property, and of the lease 2 what follows its checksum.
            let url = URL(fileURLWithPath: vigil.data + "/data.mdb")
            var data = try Data(contentsOf: url)
            for (bytes, offset) in [(Array("the other".utf8), 0), ([0, 0, 0, 0, 0, 0, 0, 2], 12)] {
                var found = data.range(of: Data(bytes))
                while let place = found {
                    let value = place.lowerBound + offset
                    if offset == 0 || data[value...].prefix(12).elementsEqual([1, 0, 0, 0, 60, 0, 0, 0, 0, 0, 0, 0]) {
                        data[value] ^= 2
                    }
                    found = data.range(of: Data(bytes), in: place.upperBound..<data.endIndex)
                }
            }
            try data.write(to: url)
            let lost = try await vigil("recover", vigil.data, vigil.directory + "/lost")
            for line in [
                "lease 2: lost; 1 keys stay until they are deleted, or it is granted again", "leases: 2 kept, 1 lost",
                "property two: lost", "properties: 1 kept, 1 lost",
            ] { #expect(lost.lines.contains(line), "\(line) is not in \(lost.lines)") }
            let json = try await vigil("recover", vigil.data, vigil.directory + "/again", "--json").json.first
            #expect(json?["leases"] as? Int == 2 && json?["lost_leases"] as? Int == 1)
            #expect(json?["properties"] as? Int == 1 && json?["lost_properties"] as? Int == 1)
            #expect((json?["orphaned_keys"] as? [[String: Int]]) == [["lease": 2, "keys": 1]])
            #expect((json?["changed_properties"] as? [[String: String]]) == [["name": "two", "fate": "lost"]])
            #expect(json?["may_lack_leases"] as? Bool == false && json?["may_lack_properties"] as? Bool == false)
            #expect(json?["complete"] as? Bool == false)
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
