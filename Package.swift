// swift-tools-version: 6.2
//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0
// This file is part of the swift-service-mesh project.
//===----------------------------------------------------------------------===//

import PackageDescription

extension Target.Dependency {
    /// A product of a package from outside, there only with the trait.
    static func product(_ name: String, _ package: String, _ trait: String) -> Self {
        .product(name: name, package: package, condition: .when(traits: [trait]))
    }
}

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
        .library(name: "MeshJWT", targets: ["MeshJWT"]),
        .library(name: "MeshHummingbird", targets: ["MeshHummingbird"]),
        .library(name: "MeshLifecycle", targets: ["MeshLifecycle"]),
        .library(name: "MeshAsyncHTTPClient", targets: ["MeshAsyncHTTPClient"]),
        .library(name: "MeshURLSession", targets: ["MeshURLSession"]),
        .library(name: "MeshGRPC", targets: ["MeshGRPC"]),
        .library(name: "MeshXDS", targets: ["MeshXDS"]),
        .library(name: "MeshManifests", targets: ["MeshManifests"]),
        .library(name: "MeshControlPlane", targets: ["MeshControlPlane"]),
        .library(name: "MeshObservability", targets: ["MeshObservability"]),
        .executable(name: "meshctl", targets: ["meshctl"]),
        .executable(name: "bookinfo", targets: ["bookinfo"]),
        .executable(name: "greeter", targets: ["greeter"]),
        .executable(name: "policies", targets: ["policies"]),
        .executable(name: "benchmarks", targets: ["benchmarks"]),
        .executable(name: "benchmarks-e2e", targets: ["benchmarks-e2e"]),
        .executable(name: "benchmarks-push", targets: ["benchmarks-push"]),
        .executable(name: "benchmarks-xds", targets: ["benchmarks-xds"]),
    ],
    traits: [
        .trait(name: "HTTP", description: "MeshHTTP: the HTTP data plane on SwiftNIO."),
        .trait(name: "Identity", description: "MeshIdentity: SPIFFE certificates for mTLS."),
        .trait(name: "JWT", description: "MeshJWT: signatures of JSON Web Tokens."),
        .trait(
            name: "Hummingbird",
            description: "MeshHummingbird: server middleware for Hummingbird 2.",
            enabledTraits: ["HTTP", "Identity"]
        ),
        .trait(
            name: "Lifecycle",
            description: "MeshLifecycle: the mesh's parts as services of swift-service-lifecycle.",
            enabledTraits: ["HTTP"]
        ),
        .trait(
            name: "AsyncHTTPClient",
            description: "MeshAsyncHTTPClient: AsyncHTTPClient's calls on the mesh.",
            enabledTraits: ["HTTP"]
        ),
        .trait(
            name: "GRPC",
            description: "MeshGRPC: grpc-swift's clients and servers on the mesh.",
            enabledTraits: ["HTTP"]
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
            name: "CommandLine",
            description: "meshctl: route tests, explanations and status, of files and of what runs.",
            enabledTraits: ["HTTP", "XDS", "Manifests"]
        ),
        .trait(
            name: "Examples",
            description: "The example programs and benchmarks, and their command lines.",
            enabledTraits: ["ControlPlane", "Observability", "Lifecycle", "AsyncHTTPClient", "JWT", "GRPC"]
        ),
        .default(enabledTraits: [
            "HTTP", "Identity", "JWT", "Hummingbird", "Lifecycle", "AsyncHTTPClient", "GRPC", "XDS",
            "Manifests", "ControlPlane", "Observability", "CommandLine", "Examples",
        ]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-http-types.git", from: "1.8.0", traits: []),
        .package(url: "https://github.com/apple/swift-nio.git", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl.git", from: "2.37.6"),
        .package(url: "https://github.com/apple/swift-nio-http2.git", from: "1.46.0"),
        .package(url: "https://github.com/swift-server/async-http-client.git", from: "1.37.0"),
        .package(url: "https://github.com/apple/swift-certificates.git", from: "1.21.1"),
        .package(url: "https://github.com/apple/swift-asn1.git", from: "1.7.4"),
        .package(url: "https://github.com/apple/swift-crypto.git", from: "4.5.2"),
        .package(url: "https://github.com/vapor/jwt-kit.git", from: "5.7.1"),
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
        .target(name: "MeshTesting", dependencies: ["MeshCore", "MeshResilience", "MeshConfig"]),

        // Adapters: each brings packages of the ecosystem, behind its trait.
        .target(
            name: "MeshHTTP",
            dependencies: [
                "MeshCore", "MeshBalancing", "MeshConfig", "MeshSecurity", "ServiceMesh",
                .product("NIOCore", "swift-nio", "HTTP"),
                .product("NIOPosix", "swift-nio", "HTTP"),
                .product("NIOHTTP1", "swift-nio", "HTTP"),
                .product("NIOTLS", "swift-nio", "HTTP"),
                .product("NIOSSL", "swift-nio-ssl", "HTTP"),
                .product("NIOHTTP2", "swift-nio-http2", "HTTP"),
                .product("NIOHPACK", "swift-nio-http2", "HTTP"),
                .product("HTTPTypes", "swift-http-types", "HTTP"),
            ]
        ),
        .target(
            name: "MeshAsyncHTTPClient",
            dependencies: [
                "MeshCore", "ServiceMesh", "MeshHTTP",
                .product("AsyncHTTPClient", "async-http-client", "AsyncHTTPClient"),
                .product("NIOCore", "swift-nio", "AsyncHTTPClient"),
                .product("NIOPosix", "swift-nio", "AsyncHTTPClient"),
                .product("NIOHTTP1", "swift-nio", "AsyncHTTPClient"),
                .product("NIOSSL", "swift-nio-ssl", "AsyncHTTPClient"),
                .product("HTTPTypes", "swift-http-types", "AsyncHTTPClient"),
                .product("Logging", "swift-log", "AsyncHTTPClient"),
            ]
        ),
        .target(
            name: "MeshURLSession",
            dependencies: [
                "MeshCore", "ServiceMesh", "MeshHTTP",
                .product("NIOCore", "swift-nio", "HTTP"),
                .product("HTTPTypes", "swift-http-types", "HTTP"),
            ]
        ),
        .target(
            name: "MeshLifecycle",
            dependencies: [
                "MeshCore", "MeshConfig", "ServiceMesh", "MeshHTTP",
                .product("ServiceLifecycle", "swift-service-lifecycle", "Lifecycle"),
                .product("NIOCore", "swift-nio", "Lifecycle"),
            ]
        ),
        .target(
            name: "MeshIdentity",
            dependencies: [
                "MeshCore", "MeshSecurity",
                .product("NIOCore", "swift-nio", "Identity"),
                .product("NIOSSL", "swift-nio-ssl", "Identity"),
                .product("X509", "swift-certificates", "Identity"),
                .product("SwiftASN1", "swift-asn1", "Identity"),
                .product("Crypto", "swift-crypto", "Identity"),
            ]
        ),
        .target(
            name: "MeshJWT",
            dependencies: ["MeshCore", "MeshSecurity", .product("JWTKit", "jwt-kit", "JWT")]
        ),
        .target(
            name: "MeshHummingbird",
            dependencies: [
                "MeshCore", "MeshConfig", "MeshSecurity", "ServiceMesh", "MeshHTTP", "MeshIdentity",
                .product("Hummingbird", "hummingbird", "Hummingbird"),
                .product("HummingbirdCore", "hummingbird", "Hummingbird"),
                .product("HummingbirdTLS", "hummingbird", "Hummingbird"),
                .product("HummingbirdHTTP2", "hummingbird", "Hummingbird"),
                .product("ServiceLifecycle", "swift-service-lifecycle", "Hummingbird"),
                .product("NIOCore", "swift-nio", "Hummingbird"),
                .product("NIOPosix", "swift-nio", "Hummingbird"),
                .product("NIOTLS", "swift-nio", "Hummingbird"),
                .product("NIOSSL", "swift-nio-ssl", "Hummingbird"),
                .product("HTTPTypes", "swift-http-types", "Hummingbird"),
                .product("Logging", "swift-log", "Hummingbird"),
            ]
        ),
        .systemLibrary(name: "CMeshZlib", providers: [.apt(["zlib1g-dev"]), .brew(["zlib"])]),
        .target(
            name: "MeshGRPC",
            dependencies: [
                "MeshCore", "MeshRouting", "MeshBalancing", "MeshResilience", "MeshSecurity", "MeshConfig",
                "ServiceMesh", "MeshHTTP", "CMeshZlib",
                .product("GRPCCore", "grpc-swift-2", "GRPC"),
                .product("NIOCore", "swift-nio", "GRPC"),
                .product("HTTPTypes", "swift-http-types", "GRPC"),
                .product("ServiceLifecycle", "swift-service-lifecycle", "GRPC"),
            ]
        ),
        .target(
            name: "MeshXDS",
            dependencies: [
                "MeshCore", "MeshRouting", "MeshBalancing", "MeshResilience", "MeshSecurity", "MeshConfig",
                .product("SwiftProtobuf", "swift-protobuf", "XDS"),
                .product("GRPCCore", "grpc-swift-2", "XDS"),
                .product("GRPCNIOTransportHTTP2", "grpc-swift-nio-transport", "XDS"),
                .product("GRPCProtobuf", "grpc-swift-protobuf", "XDS"),
                .product("NIOCore", "swift-nio", "XDS"),
                .product("NIOPosix", "swift-nio", "XDS"),
                .product("NIOSSL", "swift-nio-ssl", "XDS"),
            ],
            exclude: ["Protos"]
        ),
        .target(
            name: "MeshManifests",
            dependencies: [
                "MeshCore", "MeshRouting", "MeshBalancing", "MeshResilience", "MeshSecurity", "MeshConfig",
                .product("Yams", "Yams", "Manifests"),
            ]
        ),
        .target(
            name: "MeshControlPlane",
            dependencies: [
                "MeshCore", "MeshRouting", "MeshBalancing", "MeshResilience", "MeshSecurity", "MeshConfig",
                "MeshXDS", "MeshManifests", "MeshIdentity",
                .product("GRPCCore", "grpc-swift-2", "ControlPlane"),
                .product("GRPCNIOTransportHTTP2", "grpc-swift-nio-transport", "ControlPlane"),
                .product("Hummingbird", "hummingbird", "ControlPlane"),
                .product("HummingbirdCore", "hummingbird", "ControlPlane"),
                .product("HTTPTypes", "swift-http-types", "ControlPlane"),
                .product("X509", "swift-certificates", "ControlPlane"),
                .product("SwiftASN1", "swift-asn1", "ControlPlane"),
                .product("Crypto", "swift-crypto", "ControlPlane"),
                .product("NIOCore", "swift-nio", "ControlPlane"),
                .product("Logging", "swift-log", "ControlPlane"),
            ]
        ),
        .target(
            name: "MeshObservability",
            dependencies: [
                "MeshCore",
                .product("Logging", "swift-log", "Observability"),
                .product("Metrics", "swift-metrics", "Observability"),
                .product("Tracing", "swift-distributed-tracing", "Observability"),
            ]
        ),

        .executableTarget(
            name: "meshctl",
            dependencies: [
                "MeshCore", "MeshRouting", "MeshConfig", "ServiceMesh", "MeshHTTP", "MeshXDS", "MeshManifests",
                .product("ArgumentParser", "swift-argument-parser", "CommandLine"),
                .product("HTTPTypes", "swift-http-types", "CommandLine"),
                .product("NIOCore", "swift-nio", "CommandLine"),
            ]
        ),
        .executableTarget(
            name: "bookinfo",
            dependencies: [
                "MeshCore", "MeshRouting", "MeshResilience", "MeshSecurity", "MeshConfig", "ServiceMesh", "MeshHTTP",
                "MeshIdentity", "MeshHummingbird", "MeshLifecycle", "MeshXDS", "MeshManifests", "MeshControlPlane",
                "MeshObservability",
                .product("ArgumentParser", "swift-argument-parser", "Examples"),
                .product("GRPCCore", "grpc-swift-2", "Examples"),
                .product("GRPCNIOTransportHTTP2", "grpc-swift-nio-transport", "Examples"),
                .product("Hummingbird", "hummingbird", "Examples"),
                .product("Logging", "swift-log", "Examples"),
                .product("Metrics", "swift-metrics", "Examples"),
                .product("NIOCore", "swift-nio", "Examples"),
                .product("NIOPosix", "swift-nio", "Examples"),
                .product("HTTPTypes", "swift-http-types", "Examples"),
                .product("ServiceLifecycle", "swift-service-lifecycle", "Examples"),
                .product("UnixSignals", "swift-service-lifecycle", "Examples"),
            ],
            path: "Examples/Bookinfo",
            resources: [.copy("manifests")]
        ),
        .executableTarget(
            name: "greeter",
            dependencies: [
                "MeshCore", "MeshRouting", "MeshBalancing", "MeshResilience", "MeshConfig", "ServiceMesh", "MeshHTTP",
                "MeshGRPC", "MeshLifecycle", "MeshXDS",
                .product("ArgumentParser", "swift-argument-parser", "Examples"),
                .product("GRPCCore", "grpc-swift-2", "Examples"),
                .product("GRPCProtobuf", "grpc-swift-protobuf", "Examples"),
                .product("SwiftProtobuf", "swift-protobuf", "Examples"),
                .product("Logging", "swift-log", "Examples"),
                .product("ServiceLifecycle", "swift-service-lifecycle", "Examples"),
                .product("UnixSignals", "swift-service-lifecycle", "Examples"),
            ],
            path: "Examples/GRPCGreeter",
            exclude: ["Protos"]
        ),
        .executableTarget(
            name: "grpc-peer",
            dependencies: [
                "MeshCore", "ServiceMesh", "MeshHTTP", "MeshGRPC", "MeshXDS",
                .product("ArgumentParser", "swift-argument-parser", "Examples"),
                .product("GRPCCore", "grpc-swift-2", "Examples"),
            ],
            path: "Tests/Interop/grpc/Peer"
        ),
        .executableTarget(name: "policies", dependencies: ["MeshCore", "MeshResilience"], path: "Examples/Policies"),
        .executableTarget(
            name: "benchmarks",
            dependencies: [
                "MeshCore", "MeshRouting", "MeshBalancing", "MeshResilience", "MeshSecurity", "MeshConfig",
                "ServiceMesh", "MeshTesting",
            ],
            path: "Benchmarks/Micro"
        ),
        .executableTarget(
            name: "benchmarks-e2e",
            dependencies: [
                "MeshCore", "MeshRouting", "MeshBalancing", "MeshResilience", "MeshConfig", "ServiceMesh",
                "MeshHTTP", "MeshAsyncHTTPClient", "MeshObservability", "MeshSecurity", "MeshIdentity",
                "MeshJWT", "MeshXDS", "MeshGRPC",
                .product("ArgumentParser", "swift-argument-parser", "Examples"),
                .product("AsyncHTTPClient", "async-http-client", "Examples"),
                .product("GRPCCore", "grpc-swift-2", "Examples"),
                .product("GRPCNIOTransportHTTP2", "grpc-swift-nio-transport", "Examples"),
                .product("HTTPTypes", "swift-http-types", "Examples"),
                .product("Metrics", "swift-metrics", "Examples"),
                .product("NIOCore", "swift-nio", "Examples"),
                .product("NIOPosix", "swift-nio", "Examples"),
                .product("NIOHTTP1", "swift-nio", "Examples"),
                .product("NIOHTTP2", "swift-nio-http2", "Examples"),
                .product("NIOHPACK", "swift-nio-http2", "Examples"),
                .product("NIOSSL", "swift-nio-ssl", "Examples"),
                .product("X509", "swift-certificates", "Examples"),
                .product("SwiftASN1", "swift-asn1", "Examples"),
                .product("Crypto", "swift-crypto", "Examples"),
                .product("CryptoExtras", "swift-crypto", "Examples"),
            ],
            path: "Benchmarks/EndToEnd"
        ),
        .executableTarget(
            name: "benchmarks-push",
            dependencies: [
                "MeshCore", "MeshConfig", "MeshXDS",
                .product("ArgumentParser", "swift-argument-parser", "Examples"),
                .product("GRPCCore", "grpc-swift-2", "Examples"),
                .product("GRPCNIOTransportHTTP2", "grpc-swift-nio-transport", "Examples"),
            ],
            path: "Benchmarks/Push"
        ),
        .executableTarget(
            name: "benchmarks-xds",
            dependencies: [
                "MeshCore", "MeshRouting", "MeshConfig", "ServiceMesh", "MeshHTTP", "MeshXDS",
                .product("ArgumentParser", "swift-argument-parser", "Examples"),
                .product("HTTPTypes", "swift-http-types", "Examples"),
                .product("NIOCore", "swift-nio", "Examples"),
            ],
            path: "Benchmarks/XDS"
        ),
        // One end of the HTTP interoperability checks; the other is nginx, HAProxy, nghttpd, Envoy, curl or h2load.
        .executableTarget(
            name: "http-peer",
            dependencies: [
                "MeshCore", "MeshRouting", "MeshBalancing", "MeshResilience", "MeshSecurity", "MeshConfig",
                "ServiceMesh", "MeshHTTP", "MeshIdentity", "MeshHummingbird", "MeshObservability", "MeshTesting",
                "MeshXDS", "MeshJWT",
                .product("ArgumentParser", "swift-argument-parser", "Examples"),
                .product("Hummingbird", "hummingbird", "Examples"),
                .product("HTTPTypes", "swift-http-types", "Examples"),
                .product("Logging", "swift-log", "Examples"),
                .product("NIOCore", "swift-nio", "Examples"),
                .product("NIOPosix", "swift-nio", "Examples"),
                .product("NIOHTTP1", "swift-nio", "Examples"),
                .product("NIOHTTP2", "swift-nio-http2", "Examples"),
                .product("NIOSSL", "swift-nio-ssl", "Examples"),
                .product("X509", "swift-certificates", "Examples"),
                .product("SwiftASN1", "swift-asn1", "Examples"),
                .product("Crypto", "swift-crypto", "Examples"),
                .product("CoreMetrics", "swift-metrics", "Examples"),
            ],
            path: "Tests/Interop/http/Peer"
        ),
        // Our side of the differential test of routing; the other is Envoy.
        .executableTarget(
            name: "route-peer",
            dependencies: [
                "MeshCore", "MeshConfig", "MeshResilience", "MeshRouting", "ServiceMesh", "MeshXDS", "MeshHTTP",
                .product("HTTPTypes", "swift-http-types", "Examples"),
                .product("NIOCore", "swift-nio", "Examples"),
            ],
            path: "Tests/Interop/routing/Peer"
        ),

        // Tests: the tree mirrors Sources.
        .testTarget(name: "MeshCoreTests", dependencies: ["MeshCore", "MeshTesting"]),
        .testTarget(name: "MeshRoutingTests", dependencies: ["MeshRouting", "MeshCore", "MeshTesting"]),
        .testTarget(name: "MeshBalancingTests", dependencies: ["MeshBalancing", "MeshCore", "MeshTesting"]),
        .executableTarget(
            name: "policy-contention",
            dependencies: ["MeshCore", "MeshResilience"],
            path: "Tests/Contention"
        ),
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
                "MeshHTTP", "ServiceMesh", "MeshConfig", "MeshRouting", "MeshBalancing", "MeshResilience", "MeshCore",
                "MeshTesting",
                .product("NIOCore", "swift-nio", "HTTP"),
                .product("NIOPosix", "swift-nio", "HTTP"),
                .product("NIOHTTP1", "swift-nio", "HTTP"),
                .product("NIOSSL", "swift-nio-ssl", "HTTP"),
                .product("HTTPTypes", "swift-http-types", "HTTP"),
                .product("NIOEmbedded", "swift-nio", "HTTP"),
                .product("NIOTLS", "swift-nio", "HTTP"),
                .product("NIOHTTP2", "swift-nio-http2", "HTTP"),
                .product("NIOHPACK", "swift-nio-http2", "HTTP"),
            ]
        ),
        .testTarget(
            name: "MeshAsyncHTTPClientTests",
            dependencies: [
                "MeshAsyncHTTPClient", "MeshHTTP", "ServiceMesh", "MeshConfig", "MeshRouting", "MeshCore",
                "MeshTesting",
                .product("AsyncHTTPClient", "async-http-client", "AsyncHTTPClient"),
                .product("HTTPTypes", "swift-http-types", "AsyncHTTPClient"),
                .product("NIOCore", "swift-nio", "AsyncHTTPClient"),
                .product("NIOPosix", "swift-nio", "AsyncHTTPClient"),
                .product("NIOHTTP1", "swift-nio", "AsyncHTTPClient"),
                .product("Logging", "swift-log", "AsyncHTTPClient"),
            ]
        ),
        .testTarget(
            name: "MeshURLSessionTests",
            dependencies: [
                "MeshURLSession", "MeshHTTP", "ServiceMesh", "MeshConfig", "MeshRouting", "MeshCore", "MeshTesting",
                .product("HTTPTypes", "swift-http-types", "HTTP"),
                .product("NIOCore", "swift-nio", "HTTP"),
                .product("NIOPosix", "swift-nio", "HTTP"),
                .product("NIOHTTP1", "swift-nio", "HTTP"),
            ]
        ),
        .testTarget(
            name: "MeshLifecycleTests",
            dependencies: [
                "MeshLifecycle", "MeshHTTP", "ServiceMesh", "MeshConfig", "MeshCore", "MeshTesting",
                .product("ServiceLifecycle", "swift-service-lifecycle", "Lifecycle"),
                .product("ServiceLifecycleTestKit", "swift-service-lifecycle", "Lifecycle"),
                .product("HTTPTypes", "swift-http-types", "Lifecycle"),
                .product("NIOCore", "swift-nio", "Lifecycle"),
                .product("NIOPosix", "swift-nio", "Lifecycle"),
                .product("NIOHTTP1", "swift-nio", "Lifecycle"),
                .product("Logging", "swift-log", "Lifecycle"),
            ]
        ),
        .testTarget(
            name: "MeshIdentityTests",
            dependencies: [
                "MeshIdentity", "MeshHTTP", "ServiceMesh", "MeshConfig", "MeshRouting", "MeshSecurity", "MeshCore",
                "MeshTesting", "MeshGRPC",
                .product("GRPCCore", "grpc-swift-2", "GRPC"),
                .product("HTTPTypes", "swift-http-types", "HTTP"),
                .product("NIOCore", "swift-nio", "Identity"),
                .product("NIOEmbedded", "swift-nio", "Identity"),
                .product("NIOSSL", "swift-nio-ssl", "Identity"),
                .product("X509", "swift-certificates", "Identity"),
                .product("SwiftASN1", "swift-asn1", "Identity"),
                .product("Crypto", "swift-crypto", "Identity"),
            ]
        ),
        .testTarget(
            name: "MeshJWTTests",
            dependencies: [
                "MeshJWT", "MeshSecurity", "MeshCore", "MeshTesting",
                .product("JWTKit", "jwt-kit", "JWT"),
            ]
        ),
        .testTarget(
            name: "MeshHummingbirdTests",
            dependencies: [
                "MeshHummingbird", "MeshHTTP", "MeshIdentity", "MeshObservability", "ServiceMesh", "MeshConfig",
                "MeshRouting", "MeshSecurity", "MeshCore", "MeshTesting",
                .product("Hummingbird", "hummingbird", "Hummingbird"),
                .product("HummingbirdCore", "hummingbird", "Hummingbird"),
                .product("HummingbirdHTTP2", "hummingbird", "Hummingbird"),
                .product("HTTPTypes", "swift-http-types", "Hummingbird"),
                .product("NIOCore", "swift-nio", "Hummingbird"),
                .product("NIOPosix", "swift-nio", "Hummingbird"),
                .product("NIOHTTP1", "swift-nio", "Hummingbird"),
                .product("NIOHTTP2", "swift-nio-http2", "Hummingbird"),
                .product("NIOSSL", "swift-nio-ssl", "Hummingbird"),
                .product("X509", "swift-certificates", "Hummingbird"),
                .product("SwiftASN1", "swift-asn1", "Hummingbird"),
                .product("Crypto", "swift-crypto", "Hummingbird"),
                .product("MetricsTestKit", "swift-metrics", "Observability"),
                .product("InMemoryTracing", "swift-distributed-tracing", "Observability"),
                .product("Tracing", "swift-distributed-tracing", "Observability"),
                .product("InMemoryLogging", "swift-log", "Observability"),
                .product("Logging", "swift-log", "Observability"),
                .product("Metrics", "swift-metrics", "Observability"),
            ]
        ),
        .testTarget(
            name: "MeshGRPCTests",
            dependencies: [
                "MeshGRPC", "MeshCore", "MeshRouting", "MeshBalancing", "MeshResilience", "MeshSecurity", "MeshConfig",
                "ServiceMesh", "MeshHTTP", "MeshObservability", "MeshTesting",
                .product("MetricsTestKit", "swift-metrics", "Observability"),
                .product("GRPCCore", "grpc-swift-2", "GRPC"),
                .product("GRPCNIOTransportHTTP2", "grpc-swift-nio-transport", "GRPC"),
                .product("NIOCore", "swift-nio", "GRPC"),
                .product("NIOPosix", "swift-nio", "GRPC"),
                .product("NIOHTTP2", "swift-nio-http2", "GRPC"),
                .product("NIOHPACK", "swift-nio-http2", "GRPC"),
                .product("HTTPTypes", "swift-http-types", "GRPC"),
                .product("ServiceLifecycle", "swift-service-lifecycle", "GRPC"),
                .product("Logging", "swift-log", "GRPC"),
            ]
        ),
        .testTarget(
            name: "MeshXDSTests",
            dependencies: [
                "MeshXDS", "MeshConfig", "MeshCore", "MeshRouting", "MeshBalancing", "MeshResilience", "MeshSecurity",
                "ServiceMesh", "MeshTesting", "MeshHTTP",
                .product("SwiftProtobuf", "swift-protobuf", "XDS"),
                .product("GRPCCore", "grpc-swift-2", "XDS"),
                .product("GRPCNIOTransportHTTP2", "grpc-swift-nio-transport", "XDS"),
                .product("HTTPTypes", "swift-http-types", "HTTP"),
                .product("NIOCore", "swift-nio", "XDS"),
                .product("NIOPosix", "swift-nio", "XDS"),
                .product("NIOSSL", "swift-nio-ssl", "XDS"),
            ]
        ),
        .testTarget(
            name: "MeshManifestsTests",
            dependencies: [
                "MeshManifests", "MeshConfig", "MeshCore", "MeshRouting", "MeshBalancing", "MeshResilience",
                "MeshSecurity", "MeshTesting",
            ],
            resources: [.copy("Fixtures")]
        ),
        .testTarget(
            name: "MeshControlPlaneTests",
            dependencies: [
                "MeshControlPlane", "MeshXDS", "MeshManifests", "MeshIdentity", "MeshConfig", "MeshCore", "MeshRouting",
                "MeshSecurity", "MeshTesting",
                .product("X509", "swift-certificates", "ControlPlane"),
                .product("Crypto", "swift-crypto", "ControlPlane"),
                .product("Hummingbird", "hummingbird", "ControlPlane"),
                .product("HTTPTypes", "swift-http-types", "ControlPlane"),
                .product("NIOCore", "swift-nio", "ControlPlane"),
                .product("Logging", "swift-log", "ControlPlane"),
                .product("SwiftASN1", "swift-asn1", "ControlPlane"),
            ]
        ),
        .testTarget(
            name: "MeshObservabilityTests",
            dependencies: [
                "MeshObservability", "MeshCore", "MeshTesting",
                .product("MetricsTestKit", "swift-metrics", "Observability"),
                .product("InMemoryTracing", "swift-distributed-tracing", "Observability"),
                .product("InMemoryLogging", "swift-log", "Observability"),
                .product("Logging", "swift-log", "Observability"),
                .product("Metrics", "swift-metrics", "Observability"),
                .product("Tracing", "swift-distributed-tracing", "Observability"),
            ]
        ),
        .testTarget(
            name: "MeshctlTests",
            dependencies: [
                "meshctl", "MeshCore", "MeshRouting", "MeshConfig", "ServiceMesh", "MeshHTTP", "MeshXDS",
                "MeshManifests",
            ],
            resources: [.copy("Fixtures")]
        ),
        .testTarget(
            name: "ReadmeTests",
            dependencies: [
                "MeshCore", "ServiceMesh", "MeshHTTP", "MeshHummingbird", "MeshXDS", "MeshControlPlane",
                .product("Hummingbird", "hummingbird", "ControlPlane"),
                .product("HTTPTypes", "swift-http-types", "ControlPlane"),
                .product("NIOCore", "swift-nio", "ControlPlane"),
                .product("Logging", "swift-log", "ControlPlane"),
            ]
        ),
        .testTarget(name: "RepositoryTests", dependencies: []),
    ],
    swiftLanguageModes: [.v6]
)

for target in package.targets where target.type != .system {
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
