// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "benchmarks",
    platforms: [.macOS(.v15)],
    dependencies: [.package(name: "vigil", path: "..")],
    targets: [
        .executableTarget(
            name: "measure",
            dependencies: [
                .product(name: "Vigil", package: "vigil"), .product(name: "WatchDispatch", package: "vigil"),
            ],
            swiftSettings: [.swiftLanguageMode(.v6), .enableUpcomingFeature("NonisolatedNonsendingByDefault")])
    ]
)
