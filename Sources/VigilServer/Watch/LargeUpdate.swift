import GRPCServer
import Threads
import Vigil
import WireMessages

/// The changes of a revision that are too large to be encoded at once, as those may be that delete a range. They are sent
/// in parts, each made when the client has taken the one before.
struct LargeUpdate {
    private let update: WatchUpdate

    /// Nil if `update` is not so large.
    init?(_ update: WatchUpdate) {
        guard update.batch.entryIndices(ofRecord: Int(update.record)).count > 1 else { return nil }
        var bytes = update.batch.bytes(ofRecord: Int(update.record))
        for case let before? in update.previous ?? [] { bytes += before.key.count + before.value.count }
        guard bytes > Limits.fragmentBytes else { return nil }
        self.update = update
    }

    var revision: Revision { update.revision }

    /// Sends them, with nothing in between: in one message, or in fragments if the watch asked for these.
    ///
    /// - Throws: Also if one message cannot have them.
    func send(to watch: FollowedWatch, on call: Call, _ member: Member) async throws {
        var parts = Parts(update, watch, member)
        let addFirst = watch.wantsFragments ? nil : try parts.beginMessage()
        var isBegun = false
        try await call.sendInParts { messages in
            if !isBegun {
                try watch.checkPermit()
                addFirst?(&messages)
                isBegun = true
            }
            return addFirst == nil ? parts.addFragment(to: &messages) : parts.addEvents(to: &messages)
        }
        member.counters.events.add(parts.count)
    }
}

/// Makes the parts.
private struct Parts {
    private let member: Member
    private let watchID: Int64
    private let update: WatchUpdate
    private var events: WatchUpdate.Iterator
    private var next: WatchEvent?
    private var encoding = Encoding()
    /// Events in the parts so far.
    private(set) var count = 0

    init(_ update: WatchUpdate, _ watch: FollowedWatch, _ member: Member) {
        self.member = member
        self.update = update
        watchID = watch.id
        events = update.makeIterator()
        next = events.next()
    }

    /// What begins the message of all events; how long that is has to be known first.
    func beginMessage() throws -> (inout OutgoingMessages) -> Void {
        let head = head(isFragment: false)
        let length = update.reduce(head.count) { $0 + Encoding.size(of: $1) }
        // What clients take, and etcd sends.
        guard length <= Int32.max else {
            throw Status(
                .resourceExhausted,
                "the events of revision \(update.revision) take \(length) bytes; a message has at most \(Int32.max): watch "
                    + "with fragments")
        }
        return { messages in
            messages.begin(length: UInt32(length))
            messages.append(part: head)
        }
    }

    /// Adds the next events of the message; returns whether there are more.
    mutating func addEvents(to messages: inout OutgoingMessages) -> Bool {
        encoding.removeAll()
        while encoding.bytes.count < Limits.responseBytes, addEvent() {}
        messages.append(part: encoding.bytes)
        return next != nil
    }

    /// Adds a message of as many events as it may have; returns whether there are more.
    mutating func addFragment(to messages: inout OutgoingMessages) -> Bool {
        encoding.removeAll()
        while let next, count(with: next) <= Limits.fragmentBytes, addEvent() {}
        messages.append(head(isFragment: next != nil), encoding.bytes[...])
        return next != nil
    }

    /// Bytes of the fragment if it had `event` too; the first one it has in any case.
    private func count(with event: WatchEvent) -> Int {
        encoding.bytes.isEmpty ? 0 : encoding.bytes.count + Encoding.size(of: event)
    }

    private mutating func addEvent() -> Bool {
        guard let event = next else { return false }
        encoding.event(event)
        count += 1
        next = events.next()
        return true
    }

    private func head(isFragment: Bool) -> [UInt8] {
        var head = Encoding()
        head.watchResponse(watchID, revision: update.revision, isFragment: isFragment, member)
        return head.bytes
    }
}
