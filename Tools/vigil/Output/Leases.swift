import Vigil

extension Text {
    /// One lease on one line.
    static func lease(_ lease: Lease) -> String {
        let left = lease.remaining.map { ", \(seconds($0)) left" } ?? ""
        return "lease \(lease.id)  \(lease.seconds) s\(left)"
    }

    /// One lease in full.
    static func rows(_ lease: Lease, _ keys: [Bytes]) -> [(String, String)] {
        let left = lease.remaining.map { seconds($0) } ?? "known to the process that writes the store"
        return [("lease", "\(lease.id)"), ("granted", "\(lease.seconds) s"), ("left", left)]
            + keys.map { ("key", inline($0)) }
    }

    private static func seconds(_ remaining: Duration) -> String {
        // One that is about to end has nothing left.
        "\(decimal(max(0, remaining / .seconds(1)))) s"
    }
}

extension JSONObject {
    /// One lease.
    init(_ lease: Lease) {
        add("lease", lease.id)
        add("seconds", lease.seconds)
        if let remaining = lease.remaining { add("remaining_seconds", max(0, remaining / .seconds(1))) }
    }
}
