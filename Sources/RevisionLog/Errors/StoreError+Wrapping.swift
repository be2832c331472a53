import LMDB

extension StoreError {
    /// What to do about damage.
    static let advice = "`vigil check` finds what is affected, `vigil recover` makes a new store of what is intact"

    /// What LMDB's error means to a user.
    init(_ error: LMDBError) {
        if error.code == LMDBError.panic {
            self.init(
                .readOnly,
                "LMDB could not write its header (\(error.operation)); the store only reads until it is opened again, "
                    + "since nobody knows what the disk has kept of the last checkpoint")
            return
        }
        let code: Code =
            switch error.code {
            case LMDBError.noSpace: .full
            // What is appended comes after all that is there, and what is put may be there: unless a key is not what was
            // written.
            case LMDBError.corrupted, LMDBError.pageNotFound, LMDBError.incompatible, LMDBError.keyExists:
                .damaged
            case LMDBError.invalid, LMDBError.versionMismatch: .notAStore
            case LMDBError.badValueSize: .invalidKey
            case LMDBError.closed: .closed
            case LMDBError.busy: .locked
            default: .io
            }
        self.init(code, "\(error.operation): \(error.message)" + (code == .full ? "; make room" : ""))
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
