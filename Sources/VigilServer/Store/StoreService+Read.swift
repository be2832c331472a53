import GRPCServer
import SwiftProtobuf
import Vigil
import WireMessages

extension StoreService {
    var readMethods: [ServedMethod] {
        [
            .store("Positions", .user) { try positions($0) },
            .store("Range", .keys) { try range($0) },
            .store("Log", .keys) { try log($0) },
            .streamingStore("History", .keys) { try await history($0, $1) },
            .store("Show", .root) { (request: WireShowRequest) in
                let (update, block) = try store.show(request.revision)
                return WireShowResponse(update, block)
            },
            .store("Statistics", .user) { (_: WireStatisticsRequest) in WireStatisticsResponse(try store.statistics())
            },
        ]
    }

    private func positions(_ request: WirePositionsRequest) throws -> WirePositionsResponse {
        var response = WirePositionsResponse()
        if request.hasTime { response.firstSince = try store.firstRevision(atOrAfter: request.time) }
        response.earliest = store.earliest
        response.head = store.head
        return response
    }

    private func range(_ request: WireRangeRequest) throws -> WireRangeResponse {
        var options = RangeOptions(bytes: Limits.pageBytes, keysOnly: request.keysOnly)
        if request.hasRevision { options.revision = request.revision }
        options.limit = request.hasLimit ? min(Int(clamping: request.limit), Limits.pageKeys) : Limits.pageKeys
        let result = try store.range(try KeyRange(request.keys), options)
        var response = WireRangeResponse()
        response.keyValues = result.keyValues.map { WireKeyValue($0) }
        response.more = result.more
        response.revision = result.revision
        return response
    }

    private func log(_ request: WireLogRequest) throws -> WireLogResponse {
        let page = try store.log(
            try KeyRange(request.keys), from: request.from, through: request.hasThrough ? request.through : nil,
            limit: min(Int(clamping: request.limit), Limits.pageRevisions), bytes: Limits.pageBytes)
        var response = WireLogResponse()
        response.updates = page.updates.map { WireUpdate($0) }
        if let next = page.next { response.next = next }
        return response
    }

    private func history(_ request: WireHistoryRequest, _ call: Call) async throws {
        var left = Int(clamping: request.limit)
        var last: WatchEvent?
        while left > 0 {
            let events = try store.history(
                of: Bytes(request.key), before: last, limit: min(left, Limits.historyPageEvents))
            guard !events.isEmpty else { return }
            for event in events {
                var change = WireHistoryResponse.Change()
                change.revision = event.revision
                change.event = WireEvent(event)
                var response = WireHistoryResponse()
                response.changes = [change]
                try await call.send(response.serializedBytes())
            }
            left -= events.count
            last = events.last
        }
    }
}
