import GRPCServer

// etcd's codes and texts, which clients tell apart.
extension Status {
    static let rootUserMissing = Status(.failedPrecondition, "etcdserver: root user does not exist")
    static let rootRoleMissing = Status(.failedPrecondition, "etcdserver: root user does not have root role")
    static let userExists = Status(.failedPrecondition, "etcdserver: user name already exists")
    static let userEmpty = Status(.invalidArgument, "etcdserver: user name is empty")
    static let userNotFound = Status(.failedPrecondition, "etcdserver: user name not found")
    static let roleExists = Status(.failedPrecondition, "etcdserver: role name already exists")
    static let roleNotFound = Status(.failedPrecondition, "etcdserver: role name not found")
    static let roleEmpty = Status(.invalidArgument, "etcdserver: role name is empty")
    static let permissionNotGiven = Status(.invalidArgument, "etcdserver: permission not given")
    static let authFailed = Status(
        .invalidArgument, "etcdserver: authentication failed, invalid user ID or password")
    static let permissionDenied = Status(.permissionDenied, "etcdserver: permission denied")
    static let roleNotGranted = Status(.failedPrecondition, "etcdserver: role is not granted to the user")
    static let permissionNotGranted = Status(
        .failedPrecondition, "etcdserver: permission is not granted to the role")
    static let authNotEnabled = Status(.failedPrecondition, "etcdserver: authentication is not enabled")
    static let invalidToken = Status(.unauthenticated, "etcdserver: invalid auth token")
    static let invalidAuthManagement = Status(.invalidArgument, "etcdserver: invalid auth management")
}
