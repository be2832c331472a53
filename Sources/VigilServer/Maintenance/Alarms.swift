import GRPCServer
import SwiftProtobuf
import Synchronization
import Threads
import Vigil
import WireMessages

/// Something that an operator has to see, and that stops writes until somebody takes it back.
struct Alarm: Hashable, Comparable, CustomStringConvertible {
    enum Kind: Int, CaseIterable {
        /// There is no room: nothing is put any more. Deletes and compactions, which make room, go on.
        case noSpace = 1
        /// The data cannot be trusted: nothing is written.
        case corrupt = 2

        /// etcd's.
        var name: String { self == .noSpace ? "NOSPACE" : "CORRUPT" }
    }

    var kind: Kind
    /// Whose alarm it is: this member's, unless a client has raised it for another number.
    var memberID: UInt64

    static func < (a: Alarm, b: Alarm) -> Bool { (a.kind.rawValue, a.memberID) < (b.kind.rawValue, b.memberID) }

    /// As etcd writes it among the errors of its status.
    var description: String { "memberID:\(memberID) alarm:\(kind.name) " }
}

/// The alarms of this server. Every write asks whether one forbids it, for the price of reading a flag.
final class Alarms: Sendable {
    private let alarms: Lock<Set<Alarm>>
    /// A bit for each kind of which there is an alarm.
    private let kinds = Atomic(0)

    init(_ alarms: Set<Alarm> = []) {
        self.alarms = Lock(alarms)
        publish(alarms)
    }

    /// All of them, in order.
    var raised: [Alarm] { alarms.withLock { $0.sorted() } }

    /// Whether nothing may be put.
    var forbidGrowth: Bool { kinds.load(ordering: .relaxed) != 0 }

    /// Fails if an alarm forbids writing.
    ///
    /// - Parameter grows: Whether something may be put.
    func requireWritable(grows: Bool) throws(StoreError) {
        let kinds = kinds.load(ordering: .relaxed)
        guard kinds != 0 else { return }
        if kinds & Self.bit(.corrupt) != 0 {
            throw StoreError(.damaged, "the alarm CORRUPT is raised: nothing is written until it is disarmed")
        }
        guard !grows else {
            throw StoreError(
                .full, "the alarm NOSPACE is raised: make room, by deletes, compaction or on the disk, and disarm it")
        }
    }

    /// False if it was raised already.
    @discardableResult
    func raise(_ alarm: Alarm) -> Bool {
        change { alarms in
            // Whoever asks can raise one for any number.
            guard alarms.count < Limits.alarms else { return false }
            return alarms.insert(alarm).inserted
        }
    }

    /// False if it was not raised.
    func takeBack(_ alarm: Alarm) -> Bool { change { $0.remove(alarm) != nil } }

    private func change(_ body: (inout Set<Alarm>) -> Bool) -> Bool {
        alarms.withLock { alarms in
            defer { publish(alarms) }
            return body(&alarms)
        }
    }

    private func publish(_ alarms: Set<Alarm>) {
        kinds.store(alarms.reduce(0) { $0 | Self.bit($1.kind) }, ordering: .relaxed)
    }

    private static func bit(_ kind: Alarm.Kind) -> Int { 1 << kind.rawValue }
}

/// One request about alarms.
struct AlarmCall {
    private let request: EtcdAlarmRequest
    private let member: Member
    /// Nil for all kinds.
    private let kind: Alarm.Kind?

    init(_ request: EtcdAlarmRequest, _ member: Member) throws {
        // etcd itself crashes on these.
        if case .UNRECOGNIZED(let number) = request.alarm {
            throw Status(.invalidArgument, "etcdserver: there is no alarm of type \(number)")
        }
        if case .UNRECOGNIZED(let number) = request.action {
            throw Status(.invalidArgument, "etcdserver: there is no alarm action \(number)")
        }
        self.request = request
        self.member = member
        kind = Alarm.Kind(rawValue: request.alarm.rawValue)
    }

    func response() -> EtcdAlarmResponse {
        var response = EtcdAlarmResponse()
        response.header = member.header()
        response.alarms = alarms().map { alarm in
            .with {
                $0.memberID = alarm.memberID
                $0.alarm = alarm.kind == .noSpace ? .nospace : .corrupt
            }
        }
        return response
    }

    /// Those that the answer names.
    private func alarms() -> [Alarm] {
        let alarm = kind.map { Alarm(kind: $0, memberID: request.memberID) }
        switch request.action {
        case .get: return member.alarms.raised.filter { kind == nil || $0.kind == kind }
        case .activate:
            guard let alarm else { return [] }
            member.alarms.raise(alarm)
            return [alarm]
        case .deactivate:
            guard let alarm, member.alarms.takeBack(alarm) else { return [] }
            return [alarm]
        case .UNRECOGNIZED: return []
        }
    }
}
