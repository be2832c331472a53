#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A thread of its own, for work that blocks: flushes, LMDB's write transactions.
package final class OSThread: Sendable {
    private let finished = Monitor(false)

    /// Starts a thread that runs `body` once.
    package init(_ body: @escaping @Sendable () -> Void) {
        let finished = finished
        let start = Start {
            body()
            finished.notify { $0 = true }
        }
        let context = Unmanaged.passRetained(start).toOpaque()
        #if canImport(Darwin)
            var thread: pthread_t?
        #else
            var thread = pthread_t()
        #endif
        let status = pthread_create(
            &thread, nil,
            { context in
                #if canImport(Darwin)
                    let start = Unmanaged<Start>.fromOpaque(context).takeRetainedValue()
                #else
                    let start = Unmanaged<Start>.fromOpaque(context!).takeRetainedValue()
                #endif
                start.body()
                return nil
            }, context)
        precondition(status == 0, "cannot create a thread: error \(status)")
        #if canImport(Darwin)
            pthread_detach(thread!)
        #else
            pthread_detach(thread)
        #endif
    }

    /// Blocks until the thread has ended.
    package func join() {
        finished.wait { $0 ? true : nil }
    }
}

private final class Start: Sendable {
    let body: @Sendable () -> Void

    init(_ body: @escaping @Sendable () -> Void) {
        self.body = body
    }
}
