#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Waits until another process has published a new head or removed the store: until the store's lock file was written or
/// deleted. For a thread of its own, since it blocks.
final class HeadWatcher: Sendable {
    private let wakeUp: (read: Int32, write: Int32)
    private let notifications: Int32

    init(directory: String) throws(StoreError) {
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else { throw StoreError(errno: errno, "make a pipe") }
        wakeUp = (ends[0], ends[1])
        #if canImport(Darwin)
            notifications = -1
        #else
            notifications = inotify_init1(Int32(IN_CLOEXEC) | Int32(IN_NONBLOCK))
            let path = "\(directory)/\(WriterLock.fileName)"
            if notifications >= 0, inotify_add_watch(notifications, path, UInt32(IN_MODIFY | IN_ATTRIB)) < 0 {
                throw StoreError(errno: errno, "watch \(path)")
            }
        #endif
    }

    // Runs also if `init` throws once all properties are set.
    deinit {
        close(wakeUp.read)
        close(wakeUp.write)
        if notifications >= 0 { close(notifications) }
    }

    /// Returns after a write to the lock file, its removal, a call of `wake`, or the timeout, whichever is first.
    func wait(milliseconds: Int) {
        var descriptors = [pollfd(fd: wakeUp.read, events: Int16(POLLIN), revents: 0)]
        // Without notifications, as on a system that has none or has run out of them, it looks more often.
        var timeout = min(milliseconds, Limits.pollMilliseconds)
        if notifications >= 0 {
            descriptors.append(pollfd(fd: notifications, events: Int16(POLLIN), revents: 0))
            timeout = milliseconds
        }
        guard poll(&descriptors, nfds_t(descriptors.count), Int32(timeout)) > 0 else { return }
        var discarded = [UInt8](repeating: 0, count: 4096)
        for descriptor in descriptors where descriptor.revents & Int16(POLLIN) != 0 {
            _ = read(descriptor.fd, &discarded, discarded.count)
        }
    }

    /// Makes `wait` return, now or the next time.
    func wake() {
        _ = write(wakeUp.write, [1], 1)
    }
}
