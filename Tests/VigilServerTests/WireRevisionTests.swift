import Testing
import Vigil

@testable import VigilServer

/// Revisions on the wire against the store's.
@Suite struct WireRevisionTests {
    /// Comparing what is stored, as it would go over the wire, is the same as comparing the store's own numbers.
    @Test func comparisonsKeepTheirMeaning() {
        let relations: [Transaction.Comparison.Relation] = [.equal, .notEqual, .less, .greater]
        for stored in Revision(0)...5 {
            for wanted in Int64(-1)...7 {
                for relation in relations {
                    let target = Transaction.Comparison.Target.revision(onWire: wanted, relation) { .modRevision($0) }
                    guard case .modRevision(let translated) = target else { continue }
                    #expect(
                        relates(stored, relation, translated) == relates(stored.onWire, relation, wanted),
                        "\(stored) \(relation) \(wanted)")
                }
            }
        }
    }

    private func relates(_ a: Int64, _ relation: Transaction.Comparison.Relation, _ b: Int64) -> Bool {
        switch relation {
        case .equal: a == b
        case .notEqual: a != b
        case .less: a < b
        case .greater: a > b
        }
    }
}
