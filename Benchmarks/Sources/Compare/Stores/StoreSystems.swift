import Peers

/// All stores that can be compared here: those in this process first. Of a server that is there in several versions only
/// the newest.
func storeSystems() -> [any StoreSystem] {
    let peers = installedPeers()
    let newest = PeerSystem.known.compactMap { known in
        peers.filter { $0.name.hasPrefix(known) }.max { isOlder($0.name, $1.name) }
    }
    return [VigilSystem(), SQLiteSystem()] + newest.map(PeerSystem.init)
}

/// Compares the numbers in two names: "etcd 3.5.1" is older than "etcd 3.5.12".
private func isOlder(_ name: String, _ other: String) -> Bool {
    func numbers(_ name: String) -> [Int] { name.split { !$0.isNumber }.compactMap { Int($0) } }
    return numbers(name).lexicographicallyPrecedes(numbers(other))
}

/// Names of the servers that the comparison knows and that are not installed.
func absentPeers() -> [String] {
    let installed = installedPeers().map(\.name)
    return PeerSystem.known.filter { known in !installed.contains { $0.hasPrefix(known) } }
}
