import LMDB

extension LogWriter {
    /// Gives the free pages of LMDB's file back to the file system (Environment+Shrink.swift). Nothing can be checkpointed
    /// meanwhile.
    ///
    /// - Returns: the size of the file before and after, in bytes.
    mutating func shrink() throws -> (before: Int, after: Int) {
        try storeErrors {
            let before = try environment.fileBytes()
            try environment.shrink(
                copied: { Failpoint.reach(.shrinkCopied) }, swapped: { Failpoint.reach(.shrinkSwapped) })
            return (before, try environment.fileBytes())
        }
    }
}
