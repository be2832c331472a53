import TestSupport
import Testing
import Threads

@testable import Vigil

/// Who makes the commits: the committer's thread, or that of a writer.
@Suite(.timeLimit(.minutes(1))) struct LeadTests {
    /// What writers want to have called on their own thread.
    private final class Loop: Sendable {
        private let leads = Lock<[@Sendable () -> Void]>([])

        var count: Int { leads.withLock { $0.count } }

        /// What the lead prepared for, and what became of that.
        let told = Lock<[String]>([])

        /// Of the writer `name`.
        func leading<Result>(_ name: String = "") -> Leading<Result> {
            Leading { lead in
                self.leads.withLock { $0.append(lead) }
            } prepare: { [told] result in
                told.withLock { $0.append("\(name) \(result)") }
                return { stands in told.withLock { $0.append("\(name) \(stands)") } }
            }
        }

        func run() {
            let all = leads.withLock { leads in
                defer { leads = [] }
                return leads
            }
            for lead in all { lead() }
        }
    }

    /// A store in which a writer's thread may lead: the last group, without a flush, was made fast.
    private func withStore(_ body: (WatchStore, Committer, Loop) async throws -> Void) async throws {
        try await withTemporaryDirectory { path in
            let store = try await WatchStore.open(path, options: StoreOptions(durability: .interval(.seconds(1))))
            let (_, committer) = try store.requireCommitter()
            try await putUntilLed(store, committer)
            try await body(store, committer, Loop())
            try await store.close()
        }
    }

    /// Puts until the next put would be led by its writer's thread: groups may be slow, and answered before they are over.
    private func putUntilLed(_ store: WatchStore, _ committer: Committer) async throws {
        while !committer.mayBeLed {
            try Task.checkCancellation()
            try await store.put("first", "v")
            await Task.yield()
        }
    }

    @Test func aLoneWriterLeads() async throws {
        try await withStore { store, _, loop in
            let head = store.head
            async let revision = store.put("k", "v", leading: loop.leading())
            try await until { loop.count == 1 }
            #expect(store.head == head, "nobody else makes the commit")
            loop.run()
            let made = try await revision
            #expect(made == head + 1)
            #expect(try store.get("k")?.value == "v")
        }
    }

    /// Those who come before it leads are in its group, and do not schedule another.
    @Test func whoComesMeanwhileIsTakenAlong() async throws {
        try await withStore { store, committer, loop in
            let head = store.head
            async let first = store.put("a", "v", leading: loop.leading())
            try await until { loop.count == 1 }
            async let second = store.put("b", "v", leading: loop.leading())
            async let third = store.transaction(Transaction(then: [.put("c", "v")]))
            try await until { committer.waiting == 3 }
            #expect(loop.count == 1 && store.head == head)
            loop.run()
            _ = try await (first, second, third)
            #expect(store.head == head + 3)
        }
    }

    /// Only the writer whose thread leads prepares its answer, and knows by then what its write does.
    @Test func whoLeadsPreparesItsAnswer() async throws {
        try await withStore { store, committer, loop in
            let head = store.head
            async let first = store.put("a", "v", leading: loop.leading("first"))
            try await until { loop.count == 1 }
            async let second = store.put("b", "v", leading: loop.leading("second"))
            try await until { committer.waiting == 2 }
            loop.run()
            _ = try await (first, second)
            #expect(loop.told.withLock { $0 } == ["first \(head + 1)", "first true"])
        }
    }

    @Test func alsoThatOfATransaction() async throws {
        try await withStore { store, _, loop in
            let leading: Leading<TransactionResult> = loop.leading()
            async let writing = store.transaction(Transaction(then: [.put("a", "v")]), leading: leading)
            try await until { loop.count == 1 }
            loop.run()
            let result = try await writing
            #expect(loop.told.withLock { $0 } == [" \(result)", " true"])
        }
    }

    /// There is nothing to prepare for a write that is refused, or changes nothing.
    @Test func nothingIsPreparedWhereNothingIsWritten() async throws {
        try await withStore { store, committer, loop in
            let key = Bytes(String(repeating: "k", count: 4097))
            async let refused = store.put(key, "v", leading: loop.leading())
            try await until { loop.count == 1 }
            loop.run()
            do {
                _ = try await refused
                Issue.record("a key of 4097 bytes was taken")
            } catch let error as StoreError {
                #expect(error.code == .invalidKey)
            }
            try await putUntilLed(store, committer)
            let leading: Leading<TransactionResult> = loop.leading()
            async let unchanged = store.transaction(Transaction(then: [.delete("nothing")]), leading: leading)
            try await until { loop.count == 1 }
            loop.run()
            let isChanged = try await unchanged.changed
            #expect(!isChanged)
            #expect(loop.told.withLock { $0 }.isEmpty)
        }
    }

    /// A lead that comes when another is scheduled by then does not take that one's place.
    @Test func aLeadThatIsLateIsNotTakenForAnother() async throws {
        try await withStore { store, committer, loop in
            let others = Loop()
            let head = store.head
            async let first = store.put("first", "v", leading: others.leading("first"))
            try await until { others.count == 1 }
            // So many that the committer's thread takes over.
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<Limits.ledInPlace { group.addTask { _ = try await store.put("\(number)", "v") } }
                try await group.waitForAll()
            }
            _ = try await first
            try await putUntilLed(store, committer)
            async let second = store.put("second", "v", leading: loop.leading("second"))
            try await until { loop.count == 1 }
            others.run()
            #expect(store.head >= head + Revision(Limits.ledInPlace) + 1)
            #expect(try store.get("second") == nil, "it waits for its own lead")
            loop.run()
            let made = try await second
            #expect(loop.told.withLock { $0 } == ["second \(made)", "second true"])
            #expect(others.told.withLock { $0 }.isEmpty)
        }
    }

    /// A writer's thread that takes its time keeps only few waiting.
    @Test func theThreadTakesOverWhatIsMuch() async throws {
        try await withStore { store, _, loop in
            let head = store.head
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0...Limits.ledInPlace {
                    group.addTask { _ = try await store.put("\(number)", "v", leading: loop.leading()) }
                }
                try await group.waitForAll()
            }
            #expect(store.head == head + Revision(Limits.ledInPlace) + 1)
            // It comes late, and finds nothing to do.
            loop.run()
            let last = try await store.put("k", "v")
            #expect(last == store.head)
        }
    }

    /// Nothing is lost with a thread that never comes to it.
    @Test func closingCommitsWhatIsScheduled() async throws {
        try await withStore { store, _, loop in
            let head = store.head
            async let revision = store.put("k", "v", leading: loop.leading())
            try await until { loop.count == 1 }
            try await store.close()
            let made = try await revision
            #expect(made == head + 1)
            loop.run()
        }
    }
}
