import GRPCClient
import SwiftProtobuf
import WireMessages

/// Leases and the keys that hang on them, on two servers.
struct LeaseComparison: DifferentialScript {
    private let servers: ServerPair
    private let keepAlives: (ours: ClientCall, theirs: ClientCall)
    /// Of all keys, from the beginning.
    private let watches: (ours: WatchClient, theirs: WatchClient)
    private var names = LeaseNames()
    private var head: Int64 = 1
    /// Through which events were compared.
    private var watched: Int64 = 1
    /// Leases that end while they are waited for have ids of their own.
    private var ended: Int64 = 1000

    init(_ servers: ServerPair) async throws {
        self.servers = servers
        let path = "/etcdserverpb.Lease/LeaseKeepAlive"
        keepAlives = (try await servers.ours.client.call(path), try await servers.theirs.client.call(path))
        watches = (try await servers.ours.watch(), try await servers.theirs.watch())
        for watch in [watches.ours, watches.theirs] {
            try await watch.create("\0", "\0") { $0.prevKv = true }
            _ = try await watch.next()
        }
    }

    func close() async throws {
        try await watches.ours.call.cancel()
        try await watches.theirs.call.cancel()
        try await keepAlives.ours.cancel()
        try await keepAlives.theirs.cancel()
    }

    /// Events of keys that are put, deleted, and gone with their leases.
    mutating func settle() async throws {
        guard watched < head else { return }
        let names = names
        async let ours = events(watches.ours) { names.name(ours: $0) }
        let theirs = try await events(watches.theirs) { names.name(theirs: $0) }
        for (event, wanted) in zip(try await ours, theirs) where event != wanted {
            throw Difference(what: "an event", ours: event.shortText, theirs: wanted.shortText)
        }
        let count = try await ours.count
        guard count == theirs.count else {
            throw Difference(what: "events after \(watched)", ours: "\(count)", theirs: "\(theirs.count)")
        }
        watched = head
    }

    /// Through the head, of which an event has to come. Not of the leases whose end is waited for: the order is free.
    private func events(_ watch: WatchClient, _ name: (Int64) -> Int64) async throws -> [EtcdEvent] {
        // What does not come soon ends the stream, and so the reading.
        let alarm = Task {
            try await Task.sleep(for: .seconds(20))
            try await watch.call.cancel()
        }
        defer { alarm.cancel() }
        var events: [EtcdEvent] = []
        while events.last?.kv.modRevision ?? 0 < head { events += try await watch.next().events }
        return events.filter { !$0.kv.key.starts(with: Array("end/".utf8)) }.map { event in
            var event = event
            event.kv.mapLease(name)
            if event.hasPrevKv { event.prevKv.mapLease(name) }
            return event
        }
    }

    func step(_ number: Int, seed: UInt64) -> LeaseStep {
        LeaseStepGenerator.step(number, seed: seed, chosen: names.chosen, head: head)
    }

    mutating func run(_ step: LeaseStep) async throws {
        switch step {
        case .grant(let name, let seconds): try await grant(name, seconds)
        case .grantShort(let name, let seconds):
            // Not one that is there already and would be revoked, nor one of which the id is not known.
            guard name != 0, try await timeToLive(name, keys: false) == -1 else { return }
            try await grant(name, seconds)
            try await timeToLive(name, keys: true)
            try await revoke(name)
        case .revoke(let name): try await revoke(name)
        case .timeToLive(let name, let keys): try await timeToLive(name, keys: keys)
        case .list: try await list()
        case .keepAlive(let name): try await keepAlive(name)
        case .put(let request):
            try await ask("KV/Put", EtcdPutResponse.self, { request.mappingLeases($0) }, { $0.mapLeases($1) })
        case .delete(let request):
            try await ask("KV/DeleteRange", EtcdDeleteRangeResponse.self, { _ in request }, { $0.mapLeases($1) })
        case .transaction(let request):
            if KnownDifferences.changesTwice(request) { return }
            try await ask("KV/Txn", EtcdTxnResponse.self, { request.mappingLeases($0) }, { $0.mapLeases($1) })
        case .range(let request):
            try await ask("KV/Range", EtcdRangeResponse.self, { _ in request }, { $0.mapLeases($1) })
        case .expire(let keys, let keptAlive): try await expire(keys, keptAlive)
        }
    }

    /// Asks both for what `request` makes of a function from names to ids, and compares what `rename` makes of the answers
    /// and one from ids to names.
    @discardableResult
    private mutating func ask<Response: HeadedResponse>(
        _ path: String, _: Response.Type, _ request: ((Int64) -> Int64) -> some Message,
        _ rename: (inout Response, (Int64) -> Int64) -> Void,
        forget: (inout Response, inout Response) -> Void = { _, _ in }
    ) async throws -> Answered<Response> {
        let names = names
        let (answer, wanted) = try await servers.ask(
            path, request(names.ourID), request(names.theirID), as: Response.self)
        let same = try ServerPair.same(path, answer, wanted) {
            rename(&$0) { names.name(ours: $0) }
            rename(&$1) { names.name(theirs: $0) }
            forget(&$0, &$1)
        }
        if case .response(let response) = same { head = max(head, response.header.revision) }
        return same
    }

    // MARK: Leases

    private mutating func grant(_ name: Int64, _ seconds: Int64) async throws {
        let names = names
        func request(_ id: Int64) -> EtcdLeaseGrantRequest {
            .with { ($0.id, $0.ttl) = (id, seconds) }
        }
        let (answer, wanted) = try await servers.ask(
            "Lease/LeaseGrant", request(names.ourID(name)), request(names.theirID(name)),
            as: EtcdLeaseGrantResponse.self)
        _ = try ServerPair.same("Lease/LeaseGrant", answer, wanted) {
            // What they chose has to be an id, whichever.
            if name == 0 {
                $0.id = $0.id > 0 ? 1 : $0.id
                $1.id = $1.id > 0 ? 1 : $1.id
            } else {
                $0.id = names.name(ours: $0.id)
                $1.id = names.name(theirs: $1.id)
            }
        }
        if name == 0, case .response(let ours) = answer, case .response(let theirs) = wanted {
            self.names.add(ours: ours.id, theirs: theirs.id)
        }
    }

    private mutating func revoke(_ name: Int64) async throws {
        try await ask(
            "Lease/LeaseRevoke", EtcdLeaseRevokeResponse.self,
            { id in EtcdLeaseRevokeRequest.with { $0.id = id(name) } }, { _, _ in })
    }

    /// What is left of it, -1 if it is not there. A second more or less is not compared.
    @discardableResult
    private mutating func timeToLive(_ name: Int64, keys: Bool) async throws -> Int64 {
        let answer = try await ask(
            "Lease/LeaseTimeToLive", EtcdLeaseTimeToLiveResponse.self,
            { id in EtcdLeaseTimeToLiveRequest.with { ($0.id, $0.keys) = (id(name), keys) } },
            { response, name in
                response.id = name(response.id)
                response.keys.sort { $0.lexicographicallyPrecedes($1) }
            },
            forget: { if $0.ttl >= 0, $1.ttl >= 0, abs($0.ttl - $1.ttl) <= 1 { $0.ttl = $1.ttl } })
        guard case .response(let response) = answer else { return -1 }
        return response.ttl
    }

    /// In the order in which they end.
    private mutating func list() async throws {
        try await ask(
            "Lease/LeaseLeases", EtcdLeaseLeasesResponse.self, { _ in EtcdLeaseLeasesRequest() },
            { response, name in
                for index in response.leases.indices { response.leases[index].id = name(response.leases[index].id) }
            })
    }

    private func keepAlive(_ name: Int64) async throws {
        func answer(_ call: ClientCall, _ id: Int64) async throws -> EtcdLeaseKeepAliveResponse {
            try await call.send(EtcdLeaseKeepAliveRequest.with { $0.id = id }.serializedBytes())
            guard let message = try await call.next() else {
                throw Difference(what: "Lease/LeaseKeepAlive", ours: "-", theirs: "a stream ended")
            }
            return try EtcdLeaseKeepAliveResponse(serializedBytes: message)
        }
        async let ours = answer(keepAlives.ours, names.ourID(name))
        let theirs = try await answer(keepAlives.theirs, names.theirID(name))
        _ = try ServerPair.same("Lease/LeaseKeepAlive", .response(try await ours), .response(theirs)) {
            $0.id = names.name(ours: $0.id)
            $1.id = names.name(theirs: $1.id)
        }
    }

    // MARK: Ends

    /// Grants leases of the shortest time with keys, and waits until both servers have ended them.
    private mutating func expire(_ keys: [Int], _ keptAlive: Bool) async throws {
        let watches = [try await servers.ours.watch(), try await servers.theirs.watch()]
        for watch in watches {
            try await watch.create("end/", "end0") { $0.filters = [.noput] }
            _ = try await watch.next()
        }
        var leases: [Int64] = []
        for count in keys {
            ended += 1
            leases.append(ended)
            try await grant(ended, 1)
            for number in 0..<count {
                try await run(.put(EtcdPutRequest("end/\(ended)/\(number)", "v") { $0.lease = ended }))
            }
            if keptAlive { try await keepAlive(ended) }
        }
        async let ours = ends(watches[0], keys.reduce(0, +))
        let theirs = try await ends(watches[1], keys.reduce(0, +))
        let mine = try await ours
        guard mine == theirs else { throw Difference(what: "ends of leases", ours: "\(mine)", theirs: "\(theirs)") }
        for watch in watches { try await watch.call.cancel() }
        for lease in leases {
            try await timeToLive(lease, keys: true)
            try await keepAlive(lease)
            try await run(.put(EtcdPutRequest("a", "v") { $0.lease = lease }))
            try await revoke(lease)
        }
        try await list()
        try await run(.range(.with { ($0.key, $0.rangeEnd) = (.init([0]), .init([0])) }))
    }

    /// The keys that went, in groups that went at once. Which lease ends first of those that end at the same time is free.
    private func ends(_ watch: WatchClient, _ count: Int) async throws -> [[String]] {
        let events = try await watch.events(count)
        return Dictionary(grouping: events, by: \.kv.modRevision).values
            .map { $0.map(\.kv.text).sorted() }.sorted { $0[0] < $1[0] }
    }
}
