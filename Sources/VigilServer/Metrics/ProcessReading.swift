#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif
#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// What the kernel says about this process, under the names that all of Prometheus' clients use. On systems without
/// `/proc` there is none of it.
struct ProcessReading {
    var cpuSeconds: Double
    var startSeconds: Double
    var residentBytes: Int
    var virtualBytes: Int
    var openFiles: Int
    var maximumFiles: Int

    #if os(Linux)
        init?() {
            // Behind the name, which may hold anything, in parentheses: state is field 3 of proc(5).
            guard let stat = try? String(contentsOfFile: "/proc/self/stat", encoding: .utf8),
                let name = stat.lastIndex(of: ")")
            else { return nil }
            let fields = stat[stat.index(after: name)...].split(separator: " ").compactMap { Int($0) }
            // The state is no number, so field 4 comes first.
            guard fields.count > 20 else { return nil }
            func field(_ number: Int) -> Int { fields[number - 4] }
            let ticks = Double(sysconf(Int32(_SC_CLK_TCK)))
            cpuSeconds = Double(field(14) + field(15)) / ticks
            // It says how long after the machine's start the process began.
            startSeconds = Self.seconds(CLOCK_REALTIME) - Self.seconds(CLOCK_BOOTTIME) + Double(field(22)) / ticks
            virtualBytes = field(23)
            residentBytes = field(24) * sysconf(Int32(_SC_PAGESIZE))
            openFiles = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd"))?.count ?? 0
            var limit = rlimit()
            getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
            maximumFiles = Int(clamping: limit.rlim_cur)
        }

        private static func seconds(_ clock: clockid_t) -> Double {
            var time = timespec()
            clock_gettime(clock, &time)
            return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
        }
    #else
        init?() { nil }
    #endif
}

extension Exposition {
    mutating func add(_ process: ProcessReading) {
        add("process_cpu_seconds_total", .counter, "Time of processors that was used, in seconds.", process.cpuSeconds)
        add(
            "process_start_time_seconds", .gauge, "When the process began, in seconds since 1970.",
            process.startSeconds)
        add(
            "process_resident_memory_bytes", .gauge, "Memory in use, with pages of mapped files.",
            process.residentBytes)
        add("process_virtual_memory_bytes", .gauge, "Address space in use.", process.virtualBytes)
        add("process_open_fds", .gauge, "Open file descriptors.", process.openFiles)
        add("process_max_fds", .gauge, "How many there may be.", process.maximumFiles)
    }
}
