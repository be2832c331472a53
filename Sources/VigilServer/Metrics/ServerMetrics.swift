import GRPCServer
import GRPCWire
import Threads
import Vigil

/// The page `/metrics`: what is counted anyway is read when somebody asks, so that nothing has to be registered, and the
/// calls themselves pay for no more than their counters.
///
/// Where the meaning is the same the names are etcd's, so that its dashboards and alerts work; what etcd does not have
/// begins with `vigil_`.
struct ServerMetrics: Sendable {
    let member: Member
    let server: ServerStatistics

    /// Blocks.
    func page() throws -> String {
        var page = Exposition()
        let statistics = try member.store.statistics()
        addServer(&page)
        addStore(&page, statistics)
        addDisk(&page, statistics)
        addWatches(&page)
        addCalls(&page)
        if let process = ProcessReading() { page.add(process) }
        return page.text
    }

    private func addServer(_ page: inout Exposition) {
        page.add(
            "etcd_server_version", .gauge, "The version of etcd whose API is served.", 1,
            [("server_version", Member.apiVersion)])
        page.add(
            "etcd_server_id", .gauge, "The number of the only member.", 1,
            [("server_id", String(member.memberID, radix: 16))])
        page.add("etcd_server_has_leader", .gauge, "Whether there is a leader: always.", 1)
        page.add("etcd_server_is_leader", .gauge, "Whether this is it: always.", 1)
        page.add("etcd_server_is_learner", .gauge, "Whether this member may not vote: never.", 0)
        page.add("etcd_server_leader_changes_seen_total", .counter, "How often the leader changed: once.", 1)
        page.add(
            "etcd_server_quota_backend_bytes", .gauge, "The size beyond which nothing is put; 0: none.",
            member.options.quotaBytes ?? 0)
        let alarms = member.alarms.raised
        page.add("vigil_alarms", .gauge, "Alarms that are raised.", of: Alarm.Kind.allCases) { kind in
            ([("alarm", kind.name)], alarms.count { $0.kind == kind })
        }
        page.add("vigil_connections", .gauge, "Connections that are open.", server.connections)
        page.add(
            "vigil_connections_refused_total", .counter, "Connections that a limit refused.", server.refusedConnections)
    }

    private func addStore(_ page: inout Exposition, _ statistics: StoreStatistics) {
        page.add(
            "etcd_debugging_mvcc_current_revision", .gauge, "The newest revision, as on the wire.",
            Int(statistics.head.headOnWire))
        page.add(
            "etcd_debugging_mvcc_compact_revision", .gauge, "The revision through which was compacted, as on the wire.",
            Int(statistics.compacted.onWire))
        page.add("etcd_debugging_mvcc_keys_total", .gauge, "Keys that exist.", statistics.keys)
        page.add("vigil_log_bytes", .gauge, "Bytes of the log as stored.", statistics.logBytes)
        page.add("vigil_log_raw_bytes", .gauge, "Bytes of the same before compression.", statistics.logRawBytes)
        page.add("vigil_log_blocks", .gauge, "Blocks of the log.", statistics.blocks)
        page.add(
            "vigil_log_unsealed_blocks", .gauge, "Blocks that may still be merged.", statistics.unsealedBlocks)
        page.add(
            "vigil_compaction_failed", .gauge, "Whether history that should be forgotten is still there.",
            statistics.compactionFailure != nil)
    }

    private func addDisk(_ page: inout Exposition, _ statistics: StoreStatistics) {
        page.add(
            "etcd_mvcc_db_total_size_in_bytes", .gauge, "Bytes of LMDB's file.", statistics.fileBytes)
        page.add(
            "etcd_mvcc_db_total_size_in_use_in_bytes", .gauge, "Bytes of it that hold something.",
            statistics.fileBytes - statistics.freeBytes)
        page.add("vigil_journal_bytes", .gauge, "Bytes of the journal's segments.", statistics.journalBytes)
        page.add(
            "vigil_pending_bytes", .gauge, "Bytes of commits that are not checkpointed.", statistics.pendingBytes)
        page.add("vigil_readers", .gauge, "Reads under way, of all processes.", statistics.readers)
        page.add("vigil_readers_limit", .gauge, "How many there may be.", statistics.maximumReaders)
        let log = member.store.logMetrics
        page.add("vigil_commit_duration_seconds", "Group commits, until they are visible.", log.commits)
        page.add("etcd_disk_wal_fsync_duration_seconds", "Flushes of the journal.", log.flushes)
        page.add(
            "etcd_disk_backend_commit_duration_seconds", "Checkpoints, with their flushes.", log.checkpoints)
    }

    private func addWatches(_ page: inout Exposition) {
        let metrics = member.store.watchMetrics
        page.add(
            "etcd_debugging_mvcc_watch_stream_total", .gauge, "Streams of watches.", member.counters.watchStreams.value)
        page.add("etcd_debugging_mvcc_watcher_total", .gauge, "Watches of clients.", member.counters.watches.value)
        page.add(
            "etcd_debugging_mvcc_slow_watcher_total", .gauge, "Watchers that are behind, and read the log.",
            Int(metrics.parked))
        page.add(
            "etcd_debugging_mvcc_events_total", .counter, "Events sent to clients.", member.counters.events.value)
        page.add(
            "vigil_watch_overflows_total", .counter, "How often a watcher's buffer was full.", Int(metrics.overflows))
        page.add(
            "vigil_watch_replayed_total", .counter, "Updates that watches read from the log.",
            member.store.replayedUpdates)
        page.add(
            "vigil_watch_dropped_total", .counter, "Updates for which the event queue had no room.",
            Int(metrics.dropped))
        page.add(
            "vigil_watch_refilled_total", .counter, "Updates that the dispatcher read from the log in their place.",
            Int(metrics.refilled))
        page.add("vigil_watch_holes_total", .counter, "Holes that could not be filled.", Int(metrics.holes))
        page.add(
            "vigil_watch_lag_revisions", .gauge, "Revisions that were committed and not yet dispatched.",
            max(0, Int(member.store.head - metrics.dispatchedThrough)))
    }

    /// Under the names of the interceptor that etcd uses.
    private func addCalls(_ page: inout Exposition) {
        let calls = server.calls
        func labels(_ call: CallStatistics) -> Exposition.Labels {
            let parts = call.path.split(separator: "/")
            return [
                ("grpc_method", String(parts.last ?? "")), ("grpc_service", String(parts.first ?? "")),
                ("grpc_type", call.shape.rawValue),
            ]
        }
        page.add("grpc_server_started_total", .counter, "Calls that began.", of: calls) { (labels($0), $0.started) }
        let handled = calls.flatMap { call in
            call.handled.filter { $0.count > 0 || $0.code == .ok }.map { (call, $0) }
        }
        page.add("grpc_server_handled_total", .counter, "Calls that ended, by how.", of: handled) { call, handled in
            (labels(call) + [("grpc_code", handled.code.name)], handled.count)
        }
        page.add("grpc_server_msg_received_total", .counter, "Messages of clients.", of: calls) {
            (labels($0), $0.received)
        }
        page.add("grpc_server_msg_sent_total", .counter, "Messages to clients.", of: calls) { (labels($0), $0.sent) }
    }
}

extension Exposition {
    fileprivate mutating func add(_ name: String, _ help: String, _ histogram: DurationHistogram) {
        add(
            name, help, bounds: DurationHistogram.bounds, counts: histogram.counts, sum: histogram.seconds)
    }
}

extension Status.Code {
    /// As the clients of etcd, which are written in Go, call it.
    fileprivate var name: String {
        switch self {
        case .ok: "OK"
        case .cancelled: "Canceled"
        case .unknown: "Unknown"
        case .invalidArgument: "InvalidArgument"
        case .deadlineExceeded: "DeadlineExceeded"
        case .notFound: "NotFound"
        case .alreadyExists: "AlreadyExists"
        case .permissionDenied: "PermissionDenied"
        case .resourceExhausted: "ResourceExhausted"
        case .failedPrecondition: "FailedPrecondition"
        case .aborted: "Aborted"
        case .outOfRange: "OutOfRange"
        case .unimplemented: "Unimplemented"
        case .internalError: "Internal"
        case .unavailable: "Unavailable"
        case .dataLoss: "DataLoss"
        case .unauthenticated: "Unauthenticated"
        }
    }
}
