import Benchmark

// The micro benchmarks: times of single operations, and counts of what they allocate and flush.
//
//     cd Benchmarks
//     swift package benchmark --no-progress                                 # everything, about three minutes
//     swift package benchmark --no-progress --filter 'notify, .*'           # some of them: the whole name must match
//     swift package benchmark list                                          # their names
//
//     Benchmarks/check                        # compares the counts with Benchmarks/Thresholds, as the tests do
//     Benchmarks/check --update               # writes the counts of today into Benchmarks/Thresholds
//     Benchmarks/check --stacks counts.put    # prints who allocates in one of them, most frequent first
//
// Times are told for a thousand operations, since the harness rounds to whole numbers: "ns per 1000" of 3200 is 3.2 ns
// each. Only counts have thresholds, never times: machines are noisy. The counts are ours (see CMallocCount), since
// those of the harness need packages of their own.

/// Registers all benchmarks, and hands over to the harness.
@main
struct Micro: BenchmarkRunnerHooks {
    static func registerBenchmarks() {
        Counts.verify()
        NotifyBenchmarks.register()
        RegistrationBenchmarks.register()
        DispatchBenchmarks.register()
        LatencyBenchmarks.register()
        WriteBenchmarks.register()
        ReadBenchmarks.register()
        ReplayBenchmarks.register()
        OpenBenchmarks.register()
        LiveCounts.register()
        StoreCounts.register()
    }

    static func main() async {
        await withTaskExecutorPreference(HarnessExecutor()) {
            await BenchmarkRunner.setupBenchmarkRunner(registerBenchmarks: registerBenchmarks)
        }
    }
}
