// swift-tools-version: 6.2
import PackageDescription

let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
]

let package = Package(
    name: "benchmarks",
    platforms: [.macOS(.v15)],
    dependencies: [
        .package(name: "vigil", path: ".."),
        // Its own counts of allocations come with the default traits and need packages of their own; CMallocCount counts.
        .package(url: "https://github.com/ordo-one/benchmark", from: "1.38.0", traits: []),
    ],
    targets: [
        .executableTarget(
            name: "measure",
            dependencies: [
                .product(name: "Vigil", package: "vigil"), .product(name: "WatchDispatch", package: "vigil"),
            ],
            swiftSettings: [.swiftLanguageMode(.v6), .enableUpcomingFeature("NonisolatedNonsendingByDefault")]),

        // The micro benchmarks. The harness finds them by the name of the folder that they are in, `Benchmarks`.
        .target(name: "CMallocCount"),
        .executableTarget(
            name: "Micro",
            dependencies: [
                "CMallocCount",
                .product(name: "Vigil", package: "vigil"), .product(name: "WatchDispatch", package: "vigil"),
                .product(name: "Benchmark", package: "benchmark"),
            ],
            path: "Micro", swiftSettings: settings),
    ]
)
