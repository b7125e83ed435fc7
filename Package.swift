// swift-tools-version: 6.2
//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0
// This file is part of the swift-service-mesh project.
//===----------------------------------------------------------------------===//

import PackageDescription

// Every outside dependency is gated by a trait, so that a consumer who writes `traits: []` resolves nothing but this
// package. All traits are on by default: `swift run` and `swift test` at the root just work.
let package = Package(
    name: "swift-service-mesh",
    platforms: [.macOS(.v15), .iOS(.v18), .tvOS(.v18), .watchOS(.v11), .visionOS(.v2)],
    products: [
        .library(name: "MeshCore", targets: ["MeshCore"]),
        .library(name: "MeshResilience", targets: ["MeshResilience"]),
        .library(name: "MeshBalancing", targets: ["MeshBalancing"]),
        .library(name: "MeshRouting", targets: ["MeshRouting"]),
        .library(name: "MeshSecurity", targets: ["MeshSecurity"]),
        .library(name: "MeshConfig", targets: ["MeshConfig"]),
        .library(name: "ServiceMesh", targets: ["ServiceMesh"]),
        .library(name: "MeshTesting", targets: ["MeshTesting"]),
        .library(name: "MeshHTTP", targets: ["MeshHTTP"]),
        .library(name: "MeshIdentity", targets: ["MeshIdentity"]),
        .library(name: "MeshHummingbird", targets: ["MeshHummingbird"]),
        .library(name: "MeshXDS", targets: ["MeshXDS"]),
        .library(name: "MeshManifests", targets: ["MeshManifests"]),
        .library(name: "MeshControlPlane", targets: ["MeshControlPlane"]),
        .library(name: "MeshObservability", targets: ["MeshObservability"]),
        .executable(name: "bookinfo", targets: ["bookinfo"]),
        .executable(name: "benchmarks", targets: ["benchmarks"]),
    ],
    traits: [
        .trait(name: "HTTP", description: "MeshHTTP: the HTTP data plane on SwiftNIO."),
        .trait(name: "Identity", description: "MeshIdentity: SPIFFE certificates for mTLS."),
        .trait(
            name: "Hummingbird",
            description: "MeshHummingbird: server middleware for Hummingbird 2.",
            enabledTraits: ["HTTP", "Identity"]
        ),
        .trait(name: "XDS", description: "MeshXDS: both ends of xDS over gRPC."),
        .trait(name: "Manifests", description: "MeshManifests: Istio and Kubernetes YAML."),
        .trait(
            name: "ControlPlane",
            description: "MeshControlPlane: the embeddable control plane.",
            enabledTraits: ["XDS", "Manifests", "Identity", "Hummingbird"]
        ),
        .trait(name: "Observability", description: "MeshObservability: swift-log, swift-metrics, tracing."),
        .trait(
            name: "Examples",
            description: "The example programs and their command lines.",
            enabledTraits: ["ControlPlane", "Observability"]
        ),
        .default(enabledTraits: [
            "HTTP", "Identity", "Hummingbird", "XDS", "Manifests", "ControlPlane", "Observability", "Examples",
        ]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-http-types.git", from: "1.8.0", traits: []),
        .package(url: "https://github.com/apple/swift-nio.git", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl.git", from: "2.37.6"),
        .package(url: "https://github.com/apple/swift-certificates.git", from: "1.21.1"),
        .package(url: "https://github.com/apple/swift-asn1.git", from: "1.7.4"),
        .package(url: "https://github.com/apple/swift-crypto.git", from: "4.5.2"),
        .package(url: "https://github.com/hummingbird-project/hummingbird.git", from: "2.28.1"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle.git", from: "2.13.0"),
        .package(url: "https://github.com/grpc/grpc-swift-2.git", from: "2.4.3"),
        .package(url: "https://github.com/grpc/grpc-swift-nio-transport.git", from: "2.9.2"),
        .package(url: "https://github.com/grpc/grpc-swift-protobuf.git", from: "2.4.1"),
        .package(url: "https://github.com/apple/swift-protobuf.git", from: "1.39.0", traits: []),
        .package(url: "https://github.com/jpsim/Yams.git", from: "6.2.2"),
        .package(url: "https://github.com/apple/swift-log.git", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics.git", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-distributed-tracing.git", from: "1.7.3"),
        .package(url: "https://github.com/apple/swift-argument-parser.git", from: "1.8.2"),
    ],
    targets: [
        // The dependency-free part, from the vocabulary up to the module that apps import.
        .target(name: "MeshCore"),
        .target(name: "MeshRouting", dependencies: ["MeshCore"]),
        .target(name: "MeshBalancing", dependencies: ["MeshCore"]),
        .target(name: "MeshResilience", dependencies: ["MeshCore"]),
        .target(name: "MeshSecurity", dependencies: ["MeshCore"]),
        .target(
            name: "MeshConfig",
            dependencies: ["MeshCore", "MeshRouting", "MeshBalancing", "MeshResilience", "MeshSecurity"]
        ),
        .target(
            name: "ServiceMesh",
            dependencies: ["MeshCore", "MeshRouting", "MeshBalancing", "MeshResilience", "MeshSecurity", "MeshConfig"]
        ),
        .target(name: "MeshTesting", dependencies: ["MeshCore", "MeshConfig"]),

        // Adapters: each brings packages of the ecosystem, behind its trait.
        .target(
            name: "MeshHTTP",
            dependencies: [
                "MeshCore", "MeshConfig", "ServiceMesh",
                .product(name: "NIOCore", package: "swift-nio", condition: .when(traits: ["HTTP"])),
                .product(name: "NIOPosix", package: "swift-nio", condition: .when(traits: ["HTTP"])),
                .product(name: "NIOHTTP1", package: "swift-nio", condition: .when(traits: ["HTTP"])),
                .product(name: "NIOSSL", package: "swift-nio-ssl", condition: .when(traits: ["HTTP"])),
                .product(name: "HTTPTypes", package: "swift-http-types", condition: .when(traits: ["HTTP"])),
            ]
        ),
        .target(
            name: "MeshIdentity",
            dependencies: [
                "MeshCore", "MeshSecurity",
                .product(name: "NIOCore", package: "swift-nio", condition: .when(traits: ["Identity"])),
                .product(name: "NIOSSL", package: "swift-nio-ssl", condition: .when(traits: ["Identity"])),
                .product(name: "X509", package: "swift-certificates", condition: .when(traits: ["Identity"])),
                .product(name: "SwiftASN1", package: "swift-asn1", condition: .when(traits: ["Identity"])),
                .product(name: "Crypto", package: "swift-crypto", condition: .when(traits: ["Identity"])),
            ]
        ),
        .target(
            name: "MeshHummingbird",
            dependencies: [
                "MeshCore", "MeshConfig", "MeshSecurity", "ServiceMesh", "MeshHTTP", "MeshIdentity",
                .product(name: "Hummingbird", package: "hummingbird", condition: .when(traits: ["Hummingbird"])),
                .product(name: "HummingbirdCore", package: "hummingbird", condition: .when(traits: ["Hummingbird"])),
                .product(name: "HummingbirdTLS", package: "hummingbird", condition: .when(traits: ["Hummingbird"])),
                .product(
                    name: "ServiceLifecycle",
                    package: "swift-service-lifecycle",
                    condition: .when(traits: ["Hummingbird"])
                ),
                .product(name: "NIOCore", package: "swift-nio", condition: .when(traits: ["Hummingbird"])),
                .product(name: "NIOPosix", package: "swift-nio", condition: .when(traits: ["Hummingbird"])),
                .product(name: "NIOSSL", package: "swift-nio-ssl", condition: .when(traits: ["Hummingbird"])),
                .product(name: "HTTPTypes", package: "swift-http-types", condition: .when(traits: ["Hummingbird"])),
            ]
        ),
        .target(
            name: "MeshXDS",
            dependencies: [
                "MeshCore", "MeshRouting", "MeshBalancing", "MeshResilience", "MeshSecurity", "MeshConfig",
                .product(name: "SwiftProtobuf", package: "swift-protobuf", condition: .when(traits: ["XDS"])),
                .product(name: "GRPCCore", package: "grpc-swift-2", condition: .when(traits: ["XDS"])),
                .product(
                    name: "GRPCNIOTransportHTTP2",
                    package: "grpc-swift-nio-transport",
                    condition: .when(traits: ["XDS"])
                ),
                .product(name: "GRPCProtobuf", package: "grpc-swift-protobuf", condition: .when(traits: ["XDS"])),
                .product(name: "NIOCore", package: "swift-nio", condition: .when(traits: ["XDS"])),
                .product(name: "NIOPosix", package: "swift-nio", condition: .when(traits: ["XDS"])),
            ],
            exclude: ["Protos"]
        ),
        .target(
            name: "MeshManifests",
            dependencies: [
                "MeshCore", "MeshRouting", "MeshBalancing", "MeshResilience", "MeshSecurity", "MeshConfig",
                .product(name: "Yams", package: "Yams", condition: .when(traits: ["Manifests"])),
            ]
        ),
        .target(
            name: "MeshControlPlane",
            dependencies: [
                "MeshCore", "MeshRouting", "MeshBalancing", "MeshResilience", "MeshSecurity", "MeshConfig",
                "MeshXDS", "MeshManifests", "MeshIdentity",
                .product(name: "GRPCCore", package: "grpc-swift-2", condition: .when(traits: ["ControlPlane"])),
                .product(
                    name: "GRPCNIOTransportHTTP2",
                    package: "grpc-swift-nio-transport",
                    condition: .when(traits: ["ControlPlane"])
                ),
                .product(name: "Hummingbird", package: "hummingbird", condition: .when(traits: ["ControlPlane"])),
                .product(name: "HummingbirdCore", package: "hummingbird", condition: .when(traits: ["ControlPlane"])),
                .product(name: "HTTPTypes", package: "swift-http-types", condition: .when(traits: ["ControlPlane"])),
                .product(name: "X509", package: "swift-certificates", condition: .when(traits: ["ControlPlane"])),
                .product(name: "SwiftASN1", package: "swift-asn1", condition: .when(traits: ["ControlPlane"])),
                .product(name: "Crypto", package: "swift-crypto", condition: .when(traits: ["ControlPlane"])),
                .product(name: "NIOCore", package: "swift-nio", condition: .when(traits: ["ControlPlane"])),
                .product(name: "Logging", package: "swift-log", condition: .when(traits: ["ControlPlane"])),
            ]
        ),
        .target(
            name: "MeshObservability",
            dependencies: [
                "MeshCore",
                .product(name: "Logging", package: "swift-log", condition: .when(traits: ["Observability"])),
                .product(name: "Metrics", package: "swift-metrics", condition: .when(traits: ["Observability"])),
                .product(
                    name: "Tracing",
                    package: "swift-distributed-tracing",
                    condition: .when(traits: ["Observability"])
                ),
            ]
        ),

        .executableTarget(
            name: "bookinfo",
            dependencies: [
                "MeshCore", "MeshRouting", "MeshSecurity", "MeshConfig", "ServiceMesh", "MeshHTTP", "MeshIdentity",
                "MeshHummingbird", "MeshXDS", "MeshManifests", "MeshControlPlane", "MeshObservability",
                .product(
                    name: "ArgumentParser",
                    package: "swift-argument-parser",
                    condition: .when(traits: ["Examples"])
                ),
                .product(name: "Hummingbird", package: "hummingbird", condition: .when(traits: ["Examples"])),
                .product(name: "Logging", package: "swift-log", condition: .when(traits: ["Examples"])),
                .product(name: "NIOCore", package: "swift-nio", condition: .when(traits: ["Examples"])),
                .product(name: "NIOPosix", package: "swift-nio", condition: .when(traits: ["Examples"])),
                .product(name: "NIOSSL", package: "swift-nio-ssl", condition: .when(traits: ["Examples"])),
                .product(name: "HTTPTypes", package: "swift-http-types", condition: .when(traits: ["Examples"])),
            ],
            path: "Examples/Bookinfo",
            resources: [.copy("manifests")]
        ),
        .executableTarget(
            name: "benchmarks",
            dependencies: [
                "MeshCore", "MeshRouting", "MeshBalancing", "MeshResilience", "MeshConfig", "ServiceMesh",
                "MeshTesting",
            ],
            path: "Benchmarks"
        ),

        // Tests: the tree mirrors Sources.
        .testTarget(name: "MeshCoreTests", dependencies: ["MeshCore", "MeshTesting"]),
        .testTarget(name: "MeshRoutingTests", dependencies: ["MeshRouting", "MeshCore", "MeshTesting"]),
        .testTarget(name: "MeshBalancingTests", dependencies: ["MeshBalancing", "MeshCore", "MeshTesting"]),
        .testTarget(name: "MeshResilienceTests", dependencies: ["MeshResilience", "MeshCore", "MeshTesting"]),
        .testTarget(name: "MeshSecurityTests", dependencies: ["MeshSecurity", "MeshCore", "MeshTesting"]),
        .testTarget(
            name: "MeshConfigTests",
            dependencies: ["MeshConfig", "MeshCore", "MeshRouting", "MeshBalancing", "MeshResilience", "MeshSecurity"]
        ),
        .testTarget(
            name: "ServiceMeshTests",
            dependencies: [
                "ServiceMesh", "MeshConfig", "MeshCore", "MeshRouting", "MeshBalancing", "MeshResilience",
                "MeshSecurity", "MeshTesting",
            ]
        ),
        .testTarget(
            name: "MeshHTTPTests",
            dependencies: [
                "MeshHTTP", "ServiceMesh", "MeshConfig", "MeshCore", "MeshTesting",
                .product(name: "NIOCore", package: "swift-nio", condition: .when(traits: ["HTTP"])),
                .product(name: "NIOPosix", package: "swift-nio", condition: .when(traits: ["HTTP"])),
                .product(name: "NIOHTTP1", package: "swift-nio", condition: .when(traits: ["HTTP"])),
                .product(name: "NIOSSL", package: "swift-nio-ssl", condition: .when(traits: ["HTTP"])),
                .product(name: "HTTPTypes", package: "swift-http-types", condition: .when(traits: ["HTTP"])),
                .product(name: "NIOEmbedded", package: "swift-nio", condition: .when(traits: ["HTTP"])),
            ]
        ),
        .testTarget(
            name: "MeshIdentityTests",
            dependencies: [
                "MeshIdentity", "MeshSecurity", "MeshCore", "MeshTesting",
                .product(name: "NIOCore", package: "swift-nio", condition: .when(traits: ["Identity"])),
                .product(name: "NIOEmbedded", package: "swift-nio", condition: .when(traits: ["Identity"])),
                .product(name: "NIOSSL", package: "swift-nio-ssl", condition: .when(traits: ["Identity"])),
                .product(name: "X509", package: "swift-certificates", condition: .when(traits: ["Identity"])),
                .product(name: "SwiftASN1", package: "swift-asn1", condition: .when(traits: ["Identity"])),
                .product(name: "Crypto", package: "swift-crypto", condition: .when(traits: ["Identity"])),
            ]
        ),
        .testTarget(
            name: "MeshHummingbirdTests",
            dependencies: [
                "MeshHummingbird", "MeshHTTP", "MeshIdentity", "MeshObservability", "ServiceMesh", "MeshConfig",
                "MeshSecurity", "MeshCore", "MeshTesting",
                .product(name: "Hummingbird", package: "hummingbird", condition: .when(traits: ["Hummingbird"])),
                .product(name: "HTTPTypes", package: "swift-http-types", condition: .when(traits: ["Hummingbird"])),
                .product(name: "NIOCore", package: "swift-nio", condition: .when(traits: ["Hummingbird"])),
                .product(name: "MetricsTestKit", package: "swift-metrics", condition: .when(traits: ["Observability"])),
                .product(
                    name: "InMemoryTracing",
                    package: "swift-distributed-tracing",
                    condition: .when(traits: ["Observability"])
                ),
                .product(
                    name: "Tracing",
                    package: "swift-distributed-tracing",
                    condition: .when(traits: ["Observability"])
                ),
                .product(name: "InMemoryLogging", package: "swift-log", condition: .when(traits: ["Observability"])),
                .product(name: "Logging", package: "swift-log", condition: .when(traits: ["Observability"])),
                .product(name: "Metrics", package: "swift-metrics", condition: .when(traits: ["Observability"])),
            ]
        ),
        .testTarget(
            name: "MeshXDSTests",
            dependencies: [
                "MeshXDS", "MeshConfig", "MeshCore", "MeshRouting", "MeshBalancing", "MeshResilience", "MeshSecurity",
                "MeshTesting",
                .product(name: "SwiftProtobuf", package: "swift-protobuf", condition: .when(traits: ["XDS"])),
                .product(name: "GRPCCore", package: "grpc-swift-2", condition: .when(traits: ["XDS"])),
                .product(
                    name: "GRPCNIOTransportHTTP2",
                    package: "grpc-swift-nio-transport",
                    condition: .when(traits: ["XDS"])
                ),
            ]
        ),
        .testTarget(
            name: "MeshManifestsTests",
            dependencies: [
                "MeshManifests", "MeshConfig", "MeshCore", "MeshRouting", "MeshBalancing", "MeshResilience",
                "MeshSecurity",
            ],
            resources: [.copy("Fixtures")]
        ),
        .testTarget(
            name: "MeshControlPlaneTests",
            dependencies: [
                "MeshControlPlane", "MeshXDS", "MeshManifests", "MeshIdentity", "MeshConfig", "MeshCore", "MeshRouting",
                "MeshSecurity", "MeshTesting",
                .product(name: "X509", package: "swift-certificates", condition: .when(traits: ["ControlPlane"])),
                .product(name: "Crypto", package: "swift-crypto", condition: .when(traits: ["ControlPlane"])),
                .product(name: "Hummingbird", package: "hummingbird", condition: .when(traits: ["ControlPlane"])),
                .product(name: "HTTPTypes", package: "swift-http-types", condition: .when(traits: ["ControlPlane"])),
                .product(name: "NIOCore", package: "swift-nio", condition: .when(traits: ["ControlPlane"])),
                .product(name: "Logging", package: "swift-log", condition: .when(traits: ["ControlPlane"])),
                .product(name: "SwiftASN1", package: "swift-asn1", condition: .when(traits: ["ControlPlane"])),
            ]
        ),
        .testTarget(
            name: "MeshObservabilityTests",
            dependencies: [
                "MeshObservability", "MeshCore", "MeshTesting",
                .product(name: "MetricsTestKit", package: "swift-metrics", condition: .when(traits: ["Observability"])),
                .product(
                    name: "InMemoryTracing",
                    package: "swift-distributed-tracing",
                    condition: .when(traits: ["Observability"])
                ),
                .product(name: "InMemoryLogging", package: "swift-log", condition: .when(traits: ["Observability"])),
                .product(name: "Logging", package: "swift-log", condition: .when(traits: ["Observability"])),
                .product(name: "Metrics", package: "swift-metrics", condition: .when(traits: ["Observability"])),
                .product(
                    name: "Tracing",
                    package: "swift-distributed-tracing",
                    condition: .when(traits: ["Observability"])
                ),
            ]
        ),
        .testTarget(
            name: "ReadmeTests",
            dependencies: [
                "MeshCore", "ServiceMesh", "MeshHTTP", "MeshHummingbird", "MeshXDS", "MeshControlPlane",
                .product(name: "Hummingbird", package: "hummingbird", condition: .when(traits: ["ControlPlane"])),
                .product(name: "HTTPTypes", package: "swift-http-types", condition: .when(traits: ["ControlPlane"])),
                .product(name: "NIOCore", package: "swift-nio", condition: .when(traits: ["ControlPlane"])),
                .product(name: "Logging", package: "swift-log", condition: .when(traits: ["ControlPlane"])),
            ]
        ),
        .testTarget(name: "RepositoryTests", dependencies: []),
    ],
    swiftLanguageModes: [.v6]
)

for target in package.targets {
    var settings = target.swiftSettings ?? []
    settings += [
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("MemberImportVisibility"),
        // On from the first commit: flipping it later would change where middleware runs.
        .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
        .treatAllWarnings(as: .error),
    ]
    target.swiftSettings = settings
}
