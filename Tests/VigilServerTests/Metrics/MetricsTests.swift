import GRPCClient
import TestSupport
import Testing
import Threads
import Vigil
import WatchDispatch
import WireMessages

@testable import VigilServer

/// What `/metrics` says, read by a strict parser, and that it is what happened.
@Suite(.timeLimit(.minutes(1))) struct MetricsTests {
    @Test func countsWhatHappens() async throws {
        try await withMonitoring { etcd, monitoring, store in
            for number in 0..<10 { try await etcd.put("\(number)", "v") }
            try await etcd.delete("0")
            await #expect(throws: EtcdClient.Refusal.self) { try await etcd.put("", "") }
            try await etcd.compact(5)
            let watch = try await etcd.watch()
            try await watch.create("1", from: 5)
            _ = try await watch.next()
            try await etcd.put("1", "w")
            _ = try await watch.events(1)

            let answer = try await monitoring.get("/metrics")
            #expect(
                answer.status == 200 && answer.head.contains("content-type: text/plain; version=0.0.4; charset=utf-8"))
            let page = try MetricsPage(answer.body)
            let puts = ["grpc_method": "Put", "grpc_service": "etcdserverpb.KV", "grpc_type": "unary"]
            #expect(try page.value("grpc_server_started_total", puts) == 12)
            #expect(try page.value("grpc_server_handled_total", puts.with("grpc_code", "OK")) == 11)
            #expect(try page.value("grpc_server_handled_total", puts.with("grpc_code", "InvalidArgument")) == 1)
            #expect(try page.value("grpc_server_msg_received_total", puts) == 12)
            #expect(try page.value("grpc_server_msg_sent_total", puts) == 11)
            let watches = ["grpc_method": "Watch", "grpc_service": "etcdserverpb.Watch"]
            #expect(try page.value("grpc_server_started_total", watches.with("grpc_type", "bidi_stream")) == 1)
            #expect(try page.value("grpc_server_msg_sent_total", watches) == 2)
            #expect(try page.value("etcd_debugging_mvcc_current_revision") == 13)
            #expect(try page.value("etcd_debugging_mvcc_compact_revision") == 5)
            #expect(try page.value("etcd_debugging_mvcc_keys_total") == 9)
            #expect(try page.value("etcd_debugging_mvcc_watch_stream_total") == 1)
            #expect(try page.value("etcd_debugging_mvcc_watcher_total") == 1)
            #expect(try page.value("etcd_debugging_mvcc_events_total") == 1)
            #expect(try page.value("vigil_connections") == 1)
            #expect(try page.value("etcd_server_has_leader") == 1)
            #expect(try page.value("etcd_mvcc_db_total_size_in_bytes") >= 4096)
            #expect(try page.value("vigil_commit_duration_seconds_count") >= 11)
            #expect(try page.value("vigil_commit_duration_seconds_sum") > 0)
            #expect(try page.value("etcd_disk_wal_fsync_duration_seconds_count") >= 11)
            #expect(try page.value("etcd_disk_backend_commit_duration_seconds_count") >= 1)
            try await watch.call.cancel()
        }
    }

    @Test func histogramsAreCumulative() async throws {
        try await withMonitoring { etcd, monitoring, _ in
            for number in 0..<50 { try await etcd.put("\(number)", "v") }
            let page = try MetricsPage(try await monitoring.get("/metrics").body)
            let histograms = page.types.filter { $0.value == "histogram" }.keys
            #expect(histograms.count == 3)
            for name in histograms {
                let buckets = page.samples.filter { $0.name == name + "_bucket" }
                let bounds = buckets.map { $0.labels["le"].flatMap { $0 == "+Inf" ? .infinity : Double($0) } ?? -1 }
                #expect(bounds == bounds.sorted() && bounds.last == .infinity && bounds.count == 19)
                #expect(buckets.map(\.value) == buckets.map(\.value).sorted())
                #expect(try page.value(name + "_count") == buckets.last?.value)
            }
        }
    }

    @Test func sayWhatAProcessIs() async throws {
        try await withMonitoring { _, monitoring, _ in
            let page = try MetricsPage(try await monitoring.get("/metrics").body)
            #if os(Linux)
                #expect(try page.value("process_resident_memory_bytes") > 1_000_000)
                #expect(try page.value("process_open_fds") > 3)
                #expect(try page.value("process_max_fds") >= page.value("process_open_fds"))
                let age = Double(wallClockMilliseconds()) / 1000 - (try page.value("process_start_time_seconds"))
                #expect(age > -2 && age < 7200)
            #endif
        }
    }

    @Test func labelsAreEscaped() throws {
        var page = Exposition()
        page.add("a", .gauge, "Help.", 1, [("label", "back\\slash \"quote\" new\nline")])
        page.add("b", .counter, "Help.", 0.5)
        page.add("c", .gauge, "Help.", Double.infinity)
        let read = try MetricsPage(page.text)
        #expect(read.samples[0].labels == ["label": "back\\slash \"quote\" new\nline"])
        #expect(try read.value("b") == 0.5 && read.value("c") == .infinity)
    }

    /// A watcher whose buffer is full is counted until it has caught up.
    @Test func parkedWatchersAreCounted() async throws {
        try await withMember { member in
            let watch = try member.store.watch(.all, options: WatchOptions(bufferSize: 2))
            var iterator = watch.makeAsyncIterator()
            try await member.store.put("first", "v")
            _ = try await iterator.next()
            for number in 0..<10 { try await member.store.put("\(number)", "v") }
            try await until { member.store.watchMetrics.parked == 1 }
            #expect(member.store.watchMetrics.overflows == 1)
            for _ in 0..<10 { _ = try await iterator.next() }
            try await member.store.put("last", "v")
            _ = try await iterator.next()
            #expect(member.store.watchMetrics.parked == 0)
            // Two were in its buffer, and the newest may have come live, or all from the log.
            #expect((5...9).contains(member.store.replayedUpdates))
            try await until { member.store.watchMetrics.dispatchedThrough == member.store.head }
        }
    }
}

extension [String: String] {
    fileprivate func with(_ key: String, _ value: String) -> [String: String] {
        merging([key: value]) { _, new in new }
    }
}
