import GRPCServer
import Vigil
import WireMessages

/// Answers one range request: reads, then filters, sorts and cuts as it asks.
struct RangeExecution {
    let request: EtcdRangeRequest
    private let keys: KeyRange

    /// `request` must have been checked.
    init(_ request: EtcdRangeRequest) {
        self.request = request
        keys = KeyRange(key: request.key, end: request.rangeEnd)
    }

    static func check(_ request: EtcdRangeRequest) throws {
        guard !request.key.isEmpty else { throw Status.emptyKey }
        if case .UNRECOGNIZED = request.sortOrder { throw Status.invalidSortOption }
        if case .UNRECOGNIZED = request.sortTarget { throw Status.invalidSortOption }
    }

    /// The store's revision to read at; nil for the newest.
    private var revision: Revision? { request.revision > 0 ? Revision(onWire: request.revision) : nil }

    /// The step of a transaction that reads what ``shape(_:count:)`` needs.
    var operation: Transaction.Operation {
        // There a negative revision is one that is gone.
        if request.revision != 0 { return .range(keys, at: Revision(onWire: max(request.revision, 0))) }
        return if case .key(let key) = keys { .get(key) } else { .range(keys) }
    }

    /// Reads from the store.
    func response(_ member: Member) throws -> EtcdRangeResponse {
        var options = RangeOptions(at: revision, counts: true)
        if request.countOnly {
            options.limit = 0
        } else if !hasFilters, request.sortTarget == .key {
            options.limit = request.limit > 0 ? Int(request.limit) : nil
            options.order = request.sortOrder == .descend ? .descending : .ascending
            options.keysOnly = request.keysOnly
        } else if sortsFirstKeys {
            options.limit = firstKeys
        }
        // What would not be sent need not be read. Where only a part is sent of what is read, that part is all that counts.
        let bytes = member.options.connections.maximumUnsentBytes
        if !hasFilters, request.sortTarget == .key || request.limit <= 0 { options.bytes = bytes }
        let result = try member.store.range(keys, options)
        if options.bytes != nil, result.more, result.keyValues.count < options.limit ?? .max {
            throw Status(
                .resourceExhausted,
                "the answer has more than \(bytes) bytes, the limit; read the range in parts, with a limit")
        }
        var response = shape(result.keyValues, count: result.count ?? result.keyValues.count)
        response.header = member.header(revision == nil ? result.revision : nil)
        return response
    }

    /// The answer, of what is in the range or the first part of it, and the number of all keys there.
    func shape(_ keyValues: [KeyValue], count: Int) -> EtcdRangeResponse {
        var response = EtcdRangeResponse()
        response.count = Int64(count)
        if request.countOnly { return response }
        var kept = hasFilters ? keyValues.filter(passes) : keyValues
        if sortsFirstKeys { kept = Array(kept.prefix(firstKeys)) }
        sort(&kept)
        if request.limit > 0, kept.count > Int(request.limit) || !hasFilters && count > Int(request.limit) {
            response.more = true
            kept = Array(kept.prefix(Int(request.limit)))
        }
        response.kvs = kept.map { keyValue in
            var shown = keyValue
            if request.keysOnly { shown.value = Bytes() }
            return EtcdKeyValue(shown)
        }
        return response
    }

    /// Whether only the first keys, one more than the limit, are sorted by something else: as etcd does when no order is
    /// asked for.
    private var sortsFirstKeys: Bool {
        request.limit > 0 && request.sortOrder == .none && request.sortTarget != .key && !hasFilters
    }

    private var firstKeys: Int { Int(min(request.limit, .max - 1)) + 1 }

    private var hasFilters: Bool {
        request.minModRevision != 0 || request.maxModRevision != 0 || request.minCreateRevision != 0
            || request.maxCreateRevision != 0
    }

    private func passes(_ keyValue: KeyValue) -> Bool {
        func isWithin(_ revision: Revision, _ minimum: Int64, _ maximum: Int64) -> Bool {
            (minimum == 0 || revision.onWire >= minimum) && (maximum == 0 || revision.onWire <= maximum)
        }
        return isWithin(keyValue.modRevision, request.minModRevision, request.maxModRevision)
            && isWithin(keyValue.createRevision, request.minCreateRevision, request.maxCreateRevision)
    }

    /// Without an order, what is not sorted by key is sorted ascending.
    private func sort(_ keyValues: inout [KeyValue]) {
        switch request.sortTarget {
        case .key, .UNRECOGNIZED: sort(&keyValues) { $0.key }
        case .version: sort(&keyValues) { $0.version }
        case .create: sort(&keyValues) { $0.createRevision }
        case .mod: sort(&keyValues) { $0.modRevision }
        case .value: sort(&keyValues) { $0.value }
        }
    }

    private func sort<T: Comparable>(_ keyValues: inout [KeyValue], by target: (KeyValue) -> T) {
        if request.sortOrder == .descend {
            keyValues.sort { target($0) > target($1) }
        } else {
            keyValues.sort { target($0) < target($1) }
        }
    }
}
