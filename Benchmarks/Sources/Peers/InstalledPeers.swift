/// Every peer whose server program is installed here.
public func installedPeers() -> [any PeerServer] { [] }
