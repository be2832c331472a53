import Testing
import WireMessages

@testable import VigilServer

/// At which revisions there is a hash, and which error is said at others, beside real etcds. The numbers are their own.
@Suite(.timeLimit(.minutes(1))) struct HashComparisonTests {
    @Test(arguments: PeerEtcd.all) func hashesAtRevisionsAsEtcd(_ peer: PeerEtcd) async throws {
        let theirs = try await peer.serve { etcd, _ in try await answers(etcd) }
        let ours = try await withEtcd { etcd, _ in try await answers(etcd) }
        #expect(ours == theirs)
        #expect(Set(ours.map(\.outcome)).count == 5)
    }

    private struct Answer: Equatable {
        var revision: Int64
        /// The compaction revision with the hash, or the error.
        var outcome: String
    }

    /// What `etcd` says of all revisions, as it is compacted farther and farther.
    private func answers(_ etcd: EtcdClient) async throws -> [Answer] {
        var answers = try await answers(etcd, at: -1...2)
        for value in 1...5 { try await etcd.put("a", "\(value)") }
        answers += try await self.answers(etcd, at: -1...7)
        try await etcd.compact(4)
        answers += try await self.answers(etcd, at: -1...7)
        // The newest revision is a deletion, and compacted: only the present can be hashed.
        try await etcd.delete("a")
        try await etcd.compact(7)
        return answers + (try await self.answers(etcd, at: -1...8))
    }

    private func answers(_ etcd: EtcdClient, at revisions: ClosedRange<Int64>) async throws -> [Answer] {
        var answers: [Answer] = []
        for revision in revisions {
            do {
                let response = try await etcd.hashKV(at: revision)
                answers.append(Answer(revision: revision, outcome: "compacted at \(response.compactRevision)"))
            } catch let refusal as EtcdClient.Refusal {
                answers.append(Answer(revision: revision, outcome: "\(refusal.code) \(refusal.message)"))
            }
        }
        return answers
    }
}
