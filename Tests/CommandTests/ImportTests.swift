import Testing

@Suite struct ImportTests {
    @Test func importsWhatExportWrites() async throws {
        try await withCommand { vigil in
            let lines = #"""
                {"key":"a","value":"1"}
                {"key":"b","value":"line\nend \"quoted\" é"}
                {"key":"gone","value":"x"}
                {"key":"gone","delete":true}
                {"key_base64":"/w==","value_base64":"AAH/"}
                """#
            let outcome = try await vigil("import", "-", "--json", input: lines)
            #expect(outcome.json.first?["revisions"] as? Int == 5)
            let exported = try await vigil("export").lines
            #expect(exported.count == 3)
            #expect(exported.last == #"{"key_base64":"/w==","value_base64":"AAH/"}"#)
            let file = try vigil.file("export.jsonl", exported.joined(separator: "\n"))
            let copy = vigil.directory + "/copy"
            #expect(try await vigil("import", file, "--data", copy).status == 0)
            #expect(try await vigil("export", "--data", copy).lines == exported)
        }
    }

    @Test func batchesAreRevisions() async throws {
        try await withCommand { vigil in
            let lines = (1...10).map { #"{"key":"k\#($0)","value":"v"}"# } + [#"{"key":"k10","value":"again"}"#]
            _ = try await vigil("import", "-", "--batch", "4", input: lines.joined(separator: "\n"))
            #expect(try await vigil("stat", "--json").json.first?["head"] as? Int == 4)
            #expect(try await vigil("get", "k10").lines == ["again"])
        }
    }

    @Test(arguments: [
        "{bad", "[]", #"{"key":1,"value":"x"}"#, #"{"value":"x"}"#, #"{"key":"","value":"x"}"#, #"{"key":"k"}"#,
        #"{"key":"k","value":"x","delete":true}"#, #"{"key":"k","delete":"yes"}"#, #"{"key_base64":"!","value":""}"#,
    ])
    func aWrongLineIsNamedAndNothingIsHalfDone(_ line: String) async throws {
        try await withCommand { vigil in
            let good = #"{"key":"good","value":"1"}"#
            let file = try vigil.file("input", [good, "", line, good].joined(separator: "\n"))
            for source in [file, "-"] {
                let input = source == "-" ? [good, "", line, good].joined(separator: "\n") : nil
                let outcome = try await vigil("import", source, input: input)
                #expect(outcome.status == 2)
                #expect(outcome.errors.contains("line 3"), "\(outcome.errors)")
                #expect(try await vigil("get", "good").lines.isEmpty)
            }
        }
    }

    @Test func afterManyLinesTheMessageSaysWhatWasDone() async throws {
        try await withCommand { vigil in
            let lines = (1...600).map { #"{"key":"k\#($0)","value":"v"}"# } + ["{bad"]
            let outcome = try await vigil("import", "-", input: lines.joined(separator: "\n"))
            #expect(outcome.status == 2)
            #expect(outcome.errors.contains("line 601") && outcome.errors.contains("through line 512"))
            #expect(try await vigil("stat", "--json").json.first?["head"] as? Int == 512)
        }
    }
}
