// swift-tools-version: 6.2
import PackageDescription

let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
]

let package = Package(
    name: "benchmarks",
    platforms: [.macOS(.v15)],
    dependencies: [
        .package(name: "vigil", path: ".."),
        // Without its traits: they count allocations with packages of their own, where `CMallocCount` does.
        .package(url: "https://github.com/ordo-one/benchmark", from: "1.38.0", traits: []),
        .package(url: "https://github.com/apple/swift-async-algorithms", from: "1.1.0"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.3.0"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-http2", from: "1.46.0"),
    ],
    targets: [
        // The comparison with other systems: `Benchmarks/compare` runs it.
        .executableTarget(
            name: "Compare",
            dependencies: [
                "Peers", "CLMDBFloor",
                .product(name: "Vigil", package: "vigil"),
                .product(name: "WatchDispatch", package: "vigil"),
                .product(name: "AsyncAlgorithms", package: "swift-async-algorithms"),
                .product(name: "DequeModule", package: "swift-collections"),
                .product(name: "GRDB", package: "GRDB.swift"),
            ],
            swiftSettings: settings),
        // LMDB alone, for what a bare commit costs.
        .systemLibrary(
            name: "CLMDBFloor", pkgConfig: "lmdb", providers: [.apt(["liblmdb-dev"]), .brew(["lmdb"])]),

        // Other stores, on loopback.
        .target(
            name: "Peers",
            dependencies: [
                .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOHTTP2", package: "swift-nio-http2"),
                .product(name: "NIOHPACK", package: "swift-nio-http2"),
            ],
            swiftSettings: settings),
        .testTarget(name: "PeersTests", dependencies: ["Peers"], swiftSettings: settings),

        // The micro benchmarks: see Micro/Micro.swift. The harness finds them by their folder's name, `Benchmarks`.
        .executableTarget(
            name: "Micro",
            dependencies: [
                "CMallocCount",
                .product(name: "Vigil", package: "vigil"), .product(name: "WatchDispatch", package: "vigil"),
                .product(name: "Benchmark", package: "benchmark"),
            ],
            path: "Micro", swiftSettings: settings),
        // Counts what the process allocates and flushes.
        .target(name: "CMallocCount"),
    ]
)
