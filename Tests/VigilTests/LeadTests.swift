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
        var scheduler: LeadScheduler { { lead in self.leads.withLock { $0.append(lead) } } }

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
            // Answered before the group is over.
            while !committer.mayBeLed {
                try Task.checkCancellation()
                try await store.put("first", "v")
                await Task.yield()
            }
            try await body(store, committer, Loop())
            try await store.close()
        }
    }

    @Test func aLoneWriterLeads() async throws {
        try await withStore { store, _, loop in
            let head = store.head
            async let revision = store.put("k", "v", leading: loop.scheduler)
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
            async let first = store.put("a", "v", leading: loop.scheduler)
            try await until { loop.count == 1 }
            async let second = store.put("b", "v", leading: loop.scheduler)
            async let third = store.transaction(Transaction(then: [.put("c", "v")]))
            try await until { committer.waiting == 3 }
            #expect(loop.count == 1 && store.head == head)
            loop.run()
            _ = try await (first, second, third)
            #expect(store.head == head + 3)
        }
    }

    /// A writer's thread that takes its time keeps only few waiting.
    @Test func theThreadTakesOverWhatIsMuch() async throws {
        try await withStore { store, _, loop in
            let head = store.head
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0...Limits.ledInPlace {
                    group.addTask { _ = try await store.put("\(number)", "v", leading: loop.scheduler) }
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
            async let revision = store.put("k", "v", leading: loop.scheduler)
            try await until { loop.count == 1 }
            try await store.close()
            let made = try await revision
            #expect(made == head + 1)
            loop.run()
        }
    }
}
