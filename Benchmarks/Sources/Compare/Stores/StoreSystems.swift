import Peers

/// All stores that can be compared here: those in this process first.
func storeSystems() -> [any StoreSystem] {
    [VigilSystem(), SQLiteSystem()] + installedPeers().map(PeerSystem.init)
}

/// Names of the servers that the comparison knows and that are not installed.
func absentPeers() -> [String] {
    let installed = installedPeers().map(\.name)
    return PeerSystem.known.filter { known in !installed.contains { $0.hasPrefix(known) } }
}
