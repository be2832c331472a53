import Vigil

// Revisions as etcd's clients see them. Their empty store is at revision 1 and its first change makes revision 2, and
// some of them take a store at revision 0 for broken; ours is at 0, and its first change makes 1. So what goes over the
// wire is one more than what the store says, except for 0, which means none on both sides.

extension Revision {
    /// As it goes over the wire, of a revision that exists.
    var onWire: Int64 { self == 0 ? 0 : self + 1 }

    /// The head of the store, which is 1 on the wire when nothing was ever written.
    var headOnWire: Int64 { self + 1 }

    /// The store's revision that a client means, which must have sent more than 0.
    init(onWire revision: Int64) {
        self = revision - 1
    }
}

extension Transaction.Comparison.Target {
    /// A comparison of create or mod revisions with what a client sent. The stored ones are 0 or, on the wire, 2 and
    /// more; so 1 equals none of them, and lies between 0 and all others.
    static func revision(
        onWire wanted: Int64, _ relation: Transaction.Comparison.Relation, _ target: (Revision) -> Self
    ) -> Self {
        switch wanted {
        case 2...: return target(wanted - 1)
        case 1:
            switch relation {
            case .equal, .notEqual: return target(-1)
            case .less: return target(1)
            case .greater: return target(0)
            }
        default: return target(wanted)
        }
    }
}
