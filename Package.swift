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

/// What the tests of decoders read with.
let fuzzed: [Target.Dependency] = [
    "VigilCommand", "Vigil", "RevisionLog", "Changes", "GRPCServer", "GRPCWire",
    .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOHPACK", package: "swift-nio-http2"),
]

let package = Package(
    name: "vigil",
    platforms: [.macOS(.v15)],
    products: [
        .library(name: "Vigil", targets: ["Vigil"]),
        .library(name: "WatchDispatch", targets: ["WatchDispatch"]),
        .executable(name: "vigil", targets: ["VigilCommand"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
        // Of the server alone: nothing of them is built with the product Vigil.
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-http2", from: "1.46.0"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/apple/swift-certificates", from: "1.21.1"),
        .package(url: "https://github.com/apple/swift-asn1", from: "1.7.4"),
        .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-configuration", from: "1.4.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ],
    targets: [
        // System libraries.
        .systemLibrary(name: "CLMDB", pkgConfig: "lmdb", providers: [.apt(["liblmdb-dev"]), .brew(["lmdb"])]),
        .systemLibrary(name: "CLZ4", pkgConfig: "liblz4", providers: [.apt(["liblz4-dev"]), .brew(["lz4"])]),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"]), .brew(["zlib"])]),
        .target(name: "CCRC32C"),
        .target(name: "CWriteQueue"),
        .systemLibrary(name: "CHints"),

        // The library, from the bottom up.
        .target(name: "Threads", dependencies: ["CHints"], swiftSettings: settings),
        .target(name: "Changes", dependencies: ["Threads"], swiftSettings: settings),
        .target(name: "LMDB", dependencies: ["CLMDB", "Threads"], swiftSettings: settings),
        .target(
            name: "RevisionLog", dependencies: ["Changes", "Threads", "LMDB", "CLZ4", "CCRC32C", "CWriteQueue"],
            swiftSettings: settings),
        .target(name: "WatchDispatch", dependencies: ["Changes", "Threads"], swiftSettings: settings),
        .target(
            name: "Vigil", dependencies: ["Changes", "Threads", "RevisionLog", "WatchDispatch"],
            swiftSettings: settings),

        // The server.
        .target(
            name: "WireMessages",
            dependencies: ["Vigil", .product(name: "SwiftProtobuf", package: "swift-protobuf")], exclude: ["Protos"], swiftSettings: settings),
        .target(
            name: "GRPCWire", dependencies: [.product(name: "NIOCore", package: "swift-nio")], swiftSettings: settings),
        .target(
            name: "GRPCServer",
            dependencies: [
                "GRPCWire", "Threads", "CZlib",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOHPACK", package: "swift-nio-http2"),
                .product(name: "NIOHTTP2", package: "swift-nio-http2"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "NIOTLS", package: "swift-nio"),
                .product(name: "X509", package: "swift-certificates"),
                .product(name: "SwiftASN1", package: "swift-asn1"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            swiftSettings: settings),
        .target(
            name: "VigilServer",
            dependencies: [
                "Vigil", "GRPCServer", "Threads", "WireMessages",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOHPACK", package: "swift-nio-http2"),
                .product(name: "SwiftProtobuf", package: "swift-protobuf"),
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "CryptoExtras", package: "swift-crypto"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            swiftSettings: settings),

        // The client.
        .target(
            name: "GRPCClient",
            dependencies: [
                "GRPCWire", "Threads",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOHPACK", package: "swift-nio-http2"),
                .product(name: "NIOHTTP2", package: "swift-nio-http2"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ],
            swiftSettings: settings),

        .target(
            name: "VigilClient",
            dependencies: [
                "Vigil", "GRPCClient", "GRPCWire", "WireMessages", "Threads",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOHPACK", package: "swift-nio-http2"),
                .product(name: "SwiftProtobuf", package: "swift-protobuf"),
            ],
            swiftSettings: settings),

        // The command line.
        .target(name: "ChildProcess", dependencies: ["Threads"], path: "Tools/ChildProcess", swiftSettings: settings),
        .executableTarget(
            name: "VigilCommand",
            dependencies: [
                "Vigil", "VigilClient", "VigilServer", "GRPCClient", "GRPCServer", "RevisionLog", "ChildProcess", "Threads",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Configuration", package: "swift-configuration"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ],
            path: "Tools/vigil", swiftSettings: settings),

        // Tests.
        .target(
            name: "TestSupport", dependencies: ["Changes", "ChildProcess"], path: "Tests/TestSupport", swiftSettings: settings),
        .target(name: "CDiskShim", path: "Tests/CDiskShim"),
        .executableTarget(
            name: "CrashWriter", dependencies: ["Vigil", "LMDB", "CDiskShim", "TestSupport"], path: "Tests/CrashWriter",
            swiftSettings: settings),
        .testTarget(name: "ChangesTests", dependencies: ["Changes", "TestSupport"], swiftSettings: settings),
        .testTarget(name: "LMDBTests", dependencies: ["LMDB", "Threads"], swiftSettings: settings),
        .testTarget(
            name: "RevisionLogTests",
            dependencies: ["RevisionLog", "LMDB", "Changes", "Threads", "CCRC32C", "TestSupport"],
            exclude: ["Fixtures"], swiftSettings: settings),
        .testTarget(
            name: "WatchDispatchTests", dependencies: ["WatchDispatch", "Changes", "Threads", "TestSupport"],
            swiftSettings: settings),
        .testTarget(
            name: "VigilTests", dependencies: ["Vigil", "Changes", "Threads", "RevisionLog", "WatchDispatch", "TestSupport"],
            swiftSettings: settings),
        .testTarget(
            name: "PromiseTests", dependencies: ["Vigil", "RevisionLog", "WatchDispatch", "Threads", "TestSupport"],
            swiftSettings: settings),
        .testTarget(
            name: "CrashTests",
            dependencies: [
                "Vigil", "RevisionLog", "Threads", "CrashWriter", "CDiskShim", "ChildProcess", "TestSupport",
            ],
            swiftSettings: settings),
        .target(
            name: "TestCertificates",
            dependencies: [
                .product(name: "X509", package: "swift-certificates"),
                .product(name: "SwiftASN1", package: "swift-asn1"),
                .product(name: "Crypto", package: "swift-crypto"),
            ],
            path: "Tests/TestCertificates", swiftSettings: settings),
        .testTarget(
            name: "GRPCServerTests",
            dependencies: [
                "GRPCServer", "GRPCClient", "GRPCWire", "Threads", "TestSupport", "TestCertificates", "CZlib",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOEmbedded", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOHPACK", package: "swift-nio-http2"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            swiftSettings: settings),
        .testTarget(
            name: "VigilServerTests",
            dependencies: [
                "VigilServer", "Vigil", "RevisionLog", "WatchDispatch", "GRPCServer", "GRPCClient", "WireMessages", "ChildProcess",
                "TestSupport", "TestCertificates", "Threads",
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHPACK", package: "swift-nio-http2"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "SwiftProtobuf", package: "swift-protobuf"),
                .product(name: "Logging", package: "swift-log"),
            ],
            exclude: ["Java", "Python"], swiftSettings: settings),
        .testTarget(
            name: "VigilClientTests",
            dependencies: [
                "VigilClient", "VigilServer", "Vigil", "Threads", "TestSupport",
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: settings),
        .testTarget(
            name: "FuzzTests",
            dependencies: fuzzed + ["TestSupport"],
            exclude: ["Corpus", "LibFuzzer.swift"], swiftSettings: settings),
        .testTarget(
            name: "CommandTests",
            dependencies: [
                "VigilCommand", "Vigil", "CrashWriter", "ChildProcess", "GRPCClient", "WireMessages", "TestSupport",
                "TestCertificates", "Threads",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "SwiftProtobuf", package: "swift-protobuf"),
            ],
            swiftSettings: settings
        ),
    ]
)

// The same targets with libFuzzer, which brings a `main` of its own: see Tools/fuzz. The command line is a library then.
if Context.environment["VIGIL_FUZZ"] != nil {
    let command = package.targets.first { $0.name == "VigilCommand" }!
    package.products.removeAll { $0.name == "vigil" }
    package.targets.removeAll { $0.type == .test || $0.name == command.name }
    package.targets += [
        .target(
            name: command.name, dependencies: command.dependencies, path: command.path, exclude: ["Main.swift"],
            swiftSettings: settings),
        .executableTarget(
            name: "Fuzzers", dependencies: fuzzed, path: "Tests/FuzzTests",
            exclude: ["Corpus", "FuzzTests.swift"], swiftSettings: settings),
    ]
}
