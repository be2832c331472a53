import Testing
import Vigil
import VigilClient

/// Calls of a server: what they bring, in bounded pieces, and how they fail.
@Suite(.timeLimit(.minutes(2))) struct StoreClientTests {
    @Test func pagesAreBoundedAndOfOneRevision() async throws {
        try await withServing { serving, client in
            let value = Bytes([UInt8](repeating: 1, count: 300_000))
            for number in 0..<20 { try await client.put("k/\(10 + number)", value) }
            var keys: [Bytes] = []
            var lower: Bytes = "k/"
            var pages = 0
            while true {
                let page = try await client.range(.from(lower), RangeOptions(at: 20))
                keys += page.keyValues.map(\.key)
                pages += 1
                // A write meanwhile is not part of it.
                try await client.put("k/zzz\(pages)", "late")
                guard page.more, let last = page.keyValues.last else { break }
                lower = last.key.successor
            }
            #expect(keys == (0..<20).map { Bytes("k/\(10 + $0)") })
            #expect(pages > 1)

            var next: Revision? = 1
            var revisions: [Revision] = []
            while let from = next {
                let page = try await client.log(from: from, through: 20, limit: 1000)
                revisions += page.updates.map(\.revision)
                next = page.next
            }
            #expect(revisions == Array(1...20))
            #expect(try await client.history(of: "k/10").count == 1)
        }
    }

    @Test func historyIsThatOfTheStore() async throws {
        try await withServing { serving, client in
            for number in 0..<500 {
                try await client.put("k", Bytes("\(number)"))
                if number % 50 == 7 { try await client.delete("k") }
            }
            #expect(try await client.history(of: "k", limit: 1000) == serving.store.history(of: "k", limit: 1000))
            #expect(try await client.history(of: "k", limit: 130).count == 130)
            try await serving.store.compact(through: 400)
            #expect(try await client.history(of: "k", limit: 1000) == serving.store.history(of: "k", limit: 1000))
        }
    }

    @Test func transactionsOfAllSizesAreOrderedAndWhole() async throws {
        try await withServing { serving, client in
            let value = Bytes([UInt8](repeating: 1, count: 400_000))
            let transactions: [[Transaction.Operation]] =
                (0..<10).map { [.put("large/\($0)", value)] }
                + [
                    (0..<4000).map { .put("many/\($0)", "v") }, [.delete("none")],
                    [.delete("large/0"), .put("x", "y")],
                ]
            let outcomes = try await client.commit(transactions)
            #expect(try outcomes.map { try $0.get().revision } == (1...11).map { Revision($0) } + [nil, 12])
            #expect(try serving.store.range(.prefix("many/")).keyValues.allSatisfy { $0.modRevision == 11 })
            let failing = try await client.commit([[.put("", "x")], [.put("a", "1")]])
            #expect(throws: StoreError.self) { try failing[0].get() }
            #expect(try failing[1].get().revision == 13)
        }
    }

    @Test func errorsOfTheStoreArriveAsTheyAre() async throws {
        try await withServing { serving, client in
            for _ in 0..<5 { try await client.put("k", "v") }
            try await client.compact(through: 3)
            for (body, local) in [
                ({ _ = try await client.get("k", at: 1) }, { _ = try serving.store.get("k", at: 1) }),
                ({ _ = try await client.get("k", at: 99) }, { _ = try serving.store.get("k", at: 99) }),
                ({ _ = try await client.log(from: 1) }, { _ = try serving.store.log(from: 1) }),
                ({ _ = try await client.show(77) }, { _ = try serving.store.show(77) }),
            ] as [(() async throws -> Void, () throws -> Void)] {
                var errors: [StoreError] = []
                do { try await body() } catch let error as StoreError { errors.append(error) }
                do { try local() } catch let error as StoreError { errors.append(error) }
                #expect(errors.count == 2 && errors[0] == errors[1], "\(errors)")
            }
        }
    }

    @Test func readsAreRepeatedAndWritesAreNot() async throws {
        try await withServing { serving, client in
            try await client.put("k", "v")
            try await serving.stop()
            let reading = Task { try await client.get("k") }
            try await serving.start()
            #expect(try await reading.value?.value == "v")
            try await serving.stop()
            try await serving.start()
            // Nothing of it can have been carried out on the connection that is gone, or it is said.
            do {
                try await client.put("k", "w")
            } catch let error as ClientError {
                #expect(error.code == .unreachable)
            }
        }
    }
}
