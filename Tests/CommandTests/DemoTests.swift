import Testing

@Suite struct DemoTests {
    @Test func nothingIsMissingAndNothingComesTwice() async throws {
        try await withCommand { vigil in
            let data = vigil.directory + "/demo"
            for _ in 1...2 {
                let outcome = try await vigil("demo", "--data", data, "--events", "1500", "--json")
                #expect(outcome.status == 0, "\(outcome.errors)")
                let result = try #require(outcome.json.first)
                let watchers = try #require(result["watchers"] as? [[String: Any]])
                #expect(watchers.count == 4)
                #expect(watchers.allSatisfy { $0["missing"] as? Int == 0 && $0["doubled"] as? Int == 0 })
                #expect(watchers.contains { ($0["parked"] as? Int ?? 0) > 0 })
                #expect(watchers.contains { $0["killed"] as? Int == 1 })
            }
            #expect(try await vigil("check", "--deep", "--data", data).status == 0)
        }
    }

    @Test func anotherStoreIsLeftAlone() async throws {
        try await withCommand { vigil in
            _ = try await vigil("put", "mine", "1")
            let outcome = try await vigil("demo", "--data", vigil.data)
            #expect(outcome.status == 2 && outcome.errors.contains("not a demo"))
            #expect(try await vigil("stat", "--json").json.first?["head"] as? Int == 1)
        }
    }
}
