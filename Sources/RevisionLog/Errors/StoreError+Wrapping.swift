import LMDB

extension StoreError {
    /// What to do about damage.
    static let advice = "`vigil check` finds what is affected, `vigil recover` makes a new store of what is intact"

    /// What LMDB's error means to a user.
    init(_ error: LMDBError) {
        let code: Code =
            switch error.code {
            case LMDBError.noSpace: .full
            case LMDBError.corrupted, LMDBError.pageNotFound: .damaged
            case LMDBError.invalid, LMDBError.versionMismatch: .notAStore
            case LMDBError.badValueSize: .invalidKey
            case LMDBError.closed: .closed
            case LMDBError.busy: .locked
            default: .io
            }
        self.init(code, "\(error.operation): \(error.message)")
    }

    /// Any error as one of ours.
    package init(wrapping error: any Error) {
        switch error {
        case let error as StoreError: self = error
        case let error as LMDBError: self.init(error)
        default: self.init(.io, "\(error)")
        }
    }
}
