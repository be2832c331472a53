import Foundation
import GRPCClient
import SwiftProtobuf
import WireMessages

/// One thing that both servers are asked about users, or by one.
enum AuthStep: Sendable {
    /// Who asks.
    enum Asker: Sendable {
        case nobody
        /// With a token that no server has made.
        case stranger
        /// With the token of a login, by its number.
        case login(Int)
    }

    case ask(Asker, Question)
    case logIn(name: String, password: String)
    case enable(Asker)
    case disable(Asker)
    /// Makes root, so that users can be asked for; what of it is there already is refused.
    case makeRoot(Asker)
}

/// A call of any method, compared whole.
struct Question: Sendable, CustomStringConvertible {
    /// What of a server's answer depends on the rules of a newer etcd than the old ones that are compared with.
    enum Rule: Sendable {
        /// All of them check who asks in the same way.
        case same
        /// etcd 3.4 has it not, or otherwise.
        case new
        /// Old ones do not look who asks; here a user is needed.
        case anyUser
        /// Old ones do not look who asks; here root is needed.
        case root
    }

    let description: String
    let rule: Rule
    /// Fails with a ``Difference``.
    let compare: @Sendable (ServerPair) async throws -> Void

    init<Response: HeadedResponse>(
        _ path: String, _ request: some Message, _: Response.Type, rule: Rule = .same,
        _ forget: @escaping @Sendable (inout Response, inout Response) -> Void = { _, _ in }
    ) {
        description = "\(path) \(request.shortText)"
        self.rule = rule
        compare = { try await $0.compare(path, request, as: Response.self, forget) }
    }

    /// A watch, of which the first response is compared.
    init(watch request: EtcdWatchRequest) {
        description = "Watch \(request.shortText)"
        // Old ones let who may watch one key watch all from there on.
        rule = request.createRequest.rangeEnd == Data([0]) ? .root : .same
        compare = { servers in
            func first(_ etcd: EtcdClient) async throws -> Answered<EtcdWatchResponse> {
                do {
                    let watch = try await etcd.watch()
                    try await watch.call.send(request.serializedBytes())
                    let response = try await watch.next()
                    try await watch.call.cancel()
                    return .response(response)
                } catch let refusal as EtcdClient.Refusal {
                    return .refused(refusal)
                }
            }
            async let ours = first(servers.ours)
            let theirs = try await first(servers.theirs)
            _ = try ServerPair.same("Watch", try await ours, theirs) { KnownDifferences.forgetRefusal(&$0, &$1) }
        }
    }
}

extension AuthStep: CustomStringConvertible {
    var description: String {
        switch self {
        case .ask(let asker, let question): "\(asker): \(question)"
        case .logIn(let name, let password): "Authenticate \(name):\(password)"
        case .enable(let asker): "\(asker): AuthEnable"
        case .disable(let asker): "\(asker): AuthDisable"
        case .makeRoot(let asker): "\(asker): makes root"
        }
    }
}
