import WireMessages

extension Access where Request == EtcdAlarmRequest {
    /// To look at them is a part of asking for the health, which any user may.
    static let alarms = Access.byRequest { if $0.action != .get { try $1.requireRoot() } }
}
