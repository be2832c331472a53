/// Lets tests make the disk fail.
package struct JournalFaults: Sendable {
    package var beforeWrite: (@Sendable () throws(StoreError) -> Void)?
    package var beforeFlush: (@Sendable () throws(StoreError) -> Void)?

    package init(
        beforeWrite: (@Sendable () throws(StoreError) -> Void)? = nil,
        beforeFlush: (@Sendable () throws(StoreError) -> Void)? = nil
    ) {
        self.beforeWrite = beforeWrite
        self.beforeFlush = beforeFlush
    }
}
