import SwiftProtobuf
import WireMessages

/// How a server answered one call.
enum Answered<Response: Message & Equatable>: Equatable {
    case response(Response)
    case refused(EtcdClient.Refusal)

    init(_ etcd: EtcdClient, _ path: String, _ request: some Message) async throws {
        do {
            self = .response(try await etcd.call(path, request))
        } catch let refusal as EtcdClient.Refusal where refusal.code > 0 {
            self = .refused(KnownDifferences.forgetText(refusal))
        }
    }

    var text: String {
        switch self {
        case .response(let response): response.shortText
        case .refused(let refusal): "\(refusal)"
        }
    }

    func map(_ change: (inout Response) -> Void) -> Answered {
        guard case .response(var response) = self else { return self }
        change(&response)
        return .response(response)
    }
}

/// A response with a header, whose ids are each server's own.
protocol HeadedResponse: Message, Equatable {
    var header: EtcdResponseHeader { get set }
    var hasHeader: Bool { get }
}

extension EtcdRangeResponse: HeadedResponse {}
extension EtcdPutResponse: HeadedResponse {}
extension EtcdDeleteRangeResponse: HeadedResponse {}
extension EtcdTxnResponse: HeadedResponse {}
extension EtcdCompactionResponse: HeadedResponse {}
extension EtcdWatchResponse: HeadedResponse {}
extension EtcdLeaseGrantResponse: HeadedResponse {}
extension EtcdLeaseRevokeResponse: HeadedResponse {}
extension EtcdLeaseKeepAliveResponse: HeadedResponse {}
extension EtcdLeaseTimeToLiveResponse: HeadedResponse {}
extension EtcdLeaseLeasesResponse: HeadedResponse {}
extension EtcdAuthEnableResponse: HeadedResponse {}
extension EtcdAuthDisableResponse: HeadedResponse {}
extension EtcdAuthStatusResponse: HeadedResponse {}
extension EtcdAuthenticateResponse: HeadedResponse {}
extension EtcdAuthUserAddResponse: HeadedResponse {}
extension EtcdAuthUserGetResponse: HeadedResponse {}
extension EtcdAuthUserListResponse: HeadedResponse {}
extension EtcdAuthUserDeleteResponse: HeadedResponse {}
extension EtcdAuthUserChangePasswordResponse: HeadedResponse {}
extension EtcdAuthUserGrantRoleResponse: HeadedResponse {}
extension EtcdAuthUserRevokeRoleResponse: HeadedResponse {}
extension EtcdAuthRoleAddResponse: HeadedResponse {}
extension EtcdAuthRoleGetResponse: HeadedResponse {}
extension EtcdAuthRoleListResponse: HeadedResponse {}
extension EtcdAuthRoleDeleteResponse: HeadedResponse {}
extension EtcdAuthRoleGrantPermissionResponse: HeadedResponse {}
extension EtcdAuthRoleRevokePermissionResponse: HeadedResponse {}
