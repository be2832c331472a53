#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Waits for the writer of a store to publish a new head, by watching the lock file. For one thread that has nothing else
/// to do; any other may wake it.
///
/// Linux tells of every change. Elsewhere `wait` returns `changed` after ``JournalLimits/pollMilliseconds``, and the caller
/// looks.
final class HeadWatcher: Sendable {
    /// Why a wait ended.
    enum Reason: Sendable { case changed, woken, timedOut }

    /// What tells of changes; -1 where nothing does.
    private let notices: Int32
    private let wakeReader: Int32
    private let wakeWriter: Int32

    /// - Throws: `io` if there is no lock file, or the system has no more watches to give.
    init(directory: String) throws(StoreError) {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { throw StoreError(system: errno, "make a pipe to watch", directory) }
        (wakeReader, wakeWriter) = (ends[0], ends[1])
        for end in ends {
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
            _ = fcntl(end, F_SETFL, O_NONBLOCK)
        }
        #if os(Linux)
            notices = inotify_init1(Int32(IN_NONBLOCK | IN_CLOEXEC))
            let path = LockFile.path(directory)
            if notices < 0 || inotify_add_watch(notices, path, UInt32(IN_MODIFY)) < 0 {
                throw StoreError(system: errno, "watch", path)
            }
        #else
            notices = -1
        #endif
    }

    deinit {
        for descriptor in [notices, wakeReader, wakeWriter] where descriptor >= 0 { close(descriptor) }
    }

    /// Waits until the head was published anew since the last wait, ``wake()`` was called, or `milliseconds` have passed.
    func wait(milliseconds: Int) -> Reason {
        var watched = [wakeReader, notices].filter { $0 >= 0 }.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        let polling = notices < 0 && milliseconds > JournalLimits.pollMilliseconds
        let limit = polling ? JournalLimits.pollMilliseconds : milliseconds
        // An interruption by a signal looks like the end of the time: the caller looks, and waits again.
        guard poll(&watched, nfds_t(watched.count), Int32(clamping: limit)) > 0 else {
            return polling ? .changed : .timedOut
        }
        if watched[0].revents != 0 {
            drain(wakeReader)
            return .woken
        }
        drain(notices)
        return .changed
    }

    /// Ends the wait under way, or the next one. From any thread.
    func wake() {
        // A full pipe means that it has been woken already.
        var byte: UInt8 = 1
        _ = write(wakeWriter, &byte, 1)
    }

    private func drain(_ descriptor: Int32) {
        withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 8) { memory in
            while read(descriptor, memory.baseAddress, memory.count) > 0 {}
        }
    }
}
