import Testing

/// The same random requests to this server and to a real etcd, and all that they answer compared: fields, revisions,
/// codes and texts of errors, and the events of watches. Skipped where there is no etcd: see ``PeerEtcd``. How to ask more,
/// and again what differed, says ``RandomComparison``.
@Suite(.enabled(if: !PeerEtcd.all.isEmpty, "no etcd to compare with: install Debian's etcd-server"))
struct DifferentialTests {
    /// Keys and watches.
    @Test(arguments: PeerEtcd.all) func answersAsEtcdDoes(_ etcd: PeerEtcd) async throws {
        try await RandomComparison(Comparison.self, etcd, usualSteps: 1500).run()
    }
}

/// The same of leases.
@Suite(.enabled(if: !PeerEtcd.all.isEmpty, "no etcd to compare with: install Debian's etcd-server"))
struct LeaseDifferentialTests {
    @Test(arguments: PeerEtcd.all) func answersAsEtcdDoes(_ etcd: PeerEtcd) async throws {
        try await RandomComparison(LeaseComparison.self, etcd, usualSteps: 600).run()
    }
}

/// The same of users, roles, and what they may do.
@Suite(.enabled(if: !PeerEtcd.all.isEmpty, "no etcd to compare with: install Debian's etcd-server"))
struct AuthDifferentialTests {
    @Test(arguments: PeerEtcd.all) func answersAsEtcdDoes(_ etcd: PeerEtcd) async throws {
        try await RandomComparison(AuthComparison.self, etcd, usualSteps: 1000).run()
    }
}
