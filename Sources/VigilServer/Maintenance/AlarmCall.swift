import GRPCServer
import SwiftProtobuf
import WireMessages

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

    func response() async throws -> EtcdAlarmResponse {
        let alarms = try await alarms()
        var response = EtcdAlarmResponse()
        response.header = member.header()
        response.alarms = alarms.map { alarm in
            .with {
                $0.memberID = alarm.memberID
                $0.alarm = alarm.kind == .noSpace ? .nospace : .corrupt
            }
        }
        return response
    }

    /// Those that the answer names. What it changes is durable then.
    private func alarms() async throws -> [Alarm] {
        let alarm = kind.map { Alarm(kind: $0, memberID: request.memberID) }
        switch request.action {
        case .get: return member.alarms.raised.filter { kind == nil || $0.kind == kind }
        case .activate:
            guard let alarm else { return [] }
            member.alarms.raise(alarm)
            try await member.alarms.save()
            return [alarm]
        case .deactivate:
            guard let alarm, member.alarms.takeBack(alarm) else { return [] }
            do {
                try await member.alarms.save()
            } catch {
                // It would be there again after a restart.
                member.alarms.raise(alarm)
                throw error
            }
            return [alarm]
        case .UNRECOGNIZED: return []
        }
    }
}
