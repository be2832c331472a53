/// Where the two servers part.
struct Difference: Error, CustomStringConvertible {
    var what: String
    var ours: String
    var theirs: String

    var description: String { "\(what)\n  vigil: \(ours)\n  etcd:  \(theirs)" }
}
