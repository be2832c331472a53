/// The keys that a watch is for: those that begin with a prefix that ends in "/", all if it is empty, else one key.
///
/// The distinction matters: for one key servers look in an index, for a prefix they compare.
enum KeySelection {
    case all
    case prefix(String)
    case key(String)

    init(prefix: String) {
        self = prefix.isEmpty ? .all : prefix.hasSuffix("/") ? .prefix(prefix) : .key(prefix)
    }
}
