import Vigil
import WireMessages

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

extension KeyRange {
    /// A range as requests name it: no end is that one key, an end of one zero byte is everything from the key on.
    init(key: Data, end: Data) {
        if end.isEmpty {
            self = .key(Bytes(key))
        } else if end == Data([0]) {
            self = .from(Bytes(key))
        } else {
            self = .range(Bytes(key), Bytes(end))
        }
    }
}

extension EtcdKeyValue {
    init(_ keyValue: KeyValue) {
        self.init()
        key = Data(keyValue.key)
        value = Data(keyValue.value)
        createRevision = keyValue.createRevision.onWire
        modRevision = keyValue.modRevision.onWire
        version = keyValue.version
        lease = keyValue.lease
    }
}
