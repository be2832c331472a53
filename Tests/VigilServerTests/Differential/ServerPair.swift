import SwiftProtobuf
import WireMessages

/// Two servers that are asked the same at the same time.
struct ServerPair {
    let ours: EtcdClient
    let theirs: EtcdClient
    /// Whether theirs is etcd 3.4, which has not all of what is here.
    let isOld: Bool

    /// Asks both, and compares what they answer, but for what `forget` makes alike: the first of what it is given is ours.
    @discardableResult
    func compare<Response: HeadedResponse>(
        _ path: String, _ request: some Message, as: Response.Type,
        _ forget: (inout Response, inout Response) -> Void = { _, _ in }
    ) async throws -> Answered<Response> {
        let (answer, wanted) = try await ask(path, request, request, as: Response.self)
        return try Self.same(path, answer, wanted, forget)
    }

    /// What they answer, the first of ours, each to a request of its own.
    func ask<Request: Message, Response: HeadedResponse>(
        _ path: String, _ request: Request, _ theirRequest: Request, as: Response.Type
    ) async throws -> (Answered<Response>, Answered<Response>) {
        async let answer = Answered<Response>(ours, path, request)
        let wanted = try await Answered<Response>(theirs, path, theirRequest)
        return (try await answer, wanted)
    }

    /// The answer of ours, if they are the same.
    static func same<Response: HeadedResponse>(
        _ what: String, _ answer: Answered<Response>, _ wanted: Answered<Response>,
        _ forget: (inout Response, inout Response) -> Void = { _, _ in }
    ) throws -> Answered<Response> {
        var (left, right) = (answer.comparable, wanted.comparable)
        if case .response(var first) = left, case .response(var second) = right {
            forget(&first, &second)
            (left, right) = (.response(first), .response(second))
        }
        guard left == right else { throw Difference(what: what, ours: left.text, theirs: right.text) }
        return left
    }
}

extension Answered where Response: HeadedResponse {
    /// Without the ids of its server.
    fileprivate var comparable: Answered {
        map { if $0.hasHeader { $0.header = $0.header.comparable } }
    }
}
