import Foundation

/// Tells the service manager that started this process how it is, if it wants to know.
///
/// systemd names a datagram socket in `NOTIFY_SOCKET`, a path or, after `@`, an abstract name, and takes lines of
/// `NAME=VALUE` there (sd_notify(3)).
struct ServiceNotice {
    private let socket: String?

    /// The one of this process' environment.
    init(environment: [String: String] = ProcessInfo.processInfo.environment) {
        socket = environment["NOTIFY_SOCKET"].flatMap { $0.isEmpty ? nil : $0 }
    }

    /// It serves.
    func ready() { send("READY=1") }
    /// It is ending.
    func stopping() { send("STOPPING=1") }

    /// What cannot be sent is not missed: who waits for it has a time limit.
    private func send(_ text: String) {
        guard let socket else { return }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        var path = Array(socket.utf8)
        let isAbstract = path.first == UInt8(ascii: "@")
        if isAbstract { path[0] = 0 }
        // A path ends with a zero byte, an abstract name where the address does.
        guard path.count < MemoryLayout.size(ofValue: address.sun_path) else { return }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path) }
        let length = MemoryLayout<sockaddr_un>.offset(of: \.sun_path)! + path.count + (isAbstract ? 0 : 1)
        #if canImport(Darwin)
            let type = SOCK_DGRAM
        #else
            let type = Int32(SOCK_DGRAM.rawValue)
        #endif
        let descriptor = Foundation.socket(AF_UNIX, type, 0)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        let message = Array(text.utf8)
        // The address is used within the call only.
        _ = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                sendto(descriptor, message, message.count, 0, $0, socklen_t(length))
            }
        }
    }
}
