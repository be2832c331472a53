import Testing
import Vigil

/// No (revision, key) twice on one watch.
@Suite(.timeLimit(.minutes(1))) struct P2Unique {
    private struct Sighting: Hashable {
        var revision: Revision
        var key: Bytes
    }

    @Test("C3 no event twice, through queues and buffers of one", arguments: [1, 10], [1, 3])
    func nothingTwice(_ queue: Int, _ buffer: Int) async throws {
        try await withStore(tightOptions(queue: queue, buffer: buffer)) { store in
            for (range, updates) in try await watchAll(store) {
                let sightings = updates.flatMap { update in
                    update.map { Sighting(revision: update.revision, key: $0.key) }
                }
                #expect(Set(sightings).count == sightings.count, "\(range)")
            }
        }
    }
}
