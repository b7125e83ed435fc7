// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import MeshCore
import SwiftProtobuf
import Testing

@testable import MeshXDS

@Suite("Endpoints that requests name, over xDS")
struct OverrideHostDecodingTests {
    private typealias Message = Envoy_Extensions_LoadBalancingPolicies_OverrideHost_V3_OverrideHost

    private static func list(_ policy: some SwiftProtobuf.Message) throws -> Envoy_Config_Cluster_V3_LoadBalancingPolicy
    {
        var listed = Envoy_Config_Cluster_V3_LoadBalancingPolicy.Policy()
        listed.typedExtensionConfig.typedConfig = try Google_Protobuf_Any(packing: policy)
        var list = Envoy_Config_Cluster_V3_LoadBalancingPolicy()
        list.policies = [listed]
        return list
    }

    private static func source(header: String = "", key: String? = nil) -> Message.OverrideHostSource {
        .with { source in
            source.header = header
            if let key { source.metadata.key = key }
        }
    }

    private static func decode(
        _ sources: [Message.OverrideHostSource],
        _ change: (inout Message) throws -> Void = { _ in }
    ) throws -> (cluster: Cluster, ignored: [String]) {
        var message = Message()
        message.overrideHostSources = sources
        message.fallbackPolicy = try list(Envoy_Extensions_LoadBalancingPolicies_Random_V3_Random())
        try change(&message)
        var cluster = Envoy_Config_Cluster_V3_Cluster()
        cluster.name = "c"
        cluster.type = .eds
        cluster.edsClusterConfig.edsConfig.ads = .init()
        cluster.loadBalancingPolicy = try list(message)
        let decoded = try ResourceDecoder().decode(try cluster.serializedBytes(), as: .cluster)
        guard case .cluster(let cluster) = decoded.resource else { throw CancellationError() }
        return (cluster, decoded.ignored.map(\.path))
    }

    @Test func `headers are read in their order, around another policy`() throws {
        let (cluster, ignored) = try Self.decode([Self.source(header: "X-First"), Self.source(header: "x-second")])
        #expect(cluster.overrideHostHeaders == ["x-first", "x-second"])
        #expect(cluster.loadBalancing.policy is RandomChoice)
        #expect(ignored == [])
    }

    @Test func `metadata name no endpoint, which is reported`() throws {
        let (cluster, ignored) = try Self.decode([Self.source(key: "envoy.lb"), Self.source(header: "x-first")])
        #expect(cluster.overrideHostHeaders == ["x-first"])
        #expect(ignored.count == 1 && ignored[0].hasSuffix("override_host_sources[0].metadata"))
    }

    @Test func `what Envoy refuses is refused`() {
        let bad: [[Message.OverrideHostSource]] = [
            [], [Self.source()], [Self.source(header: "x", key: "k")], [Self.source(header: "no name")],
            Array(repeating: Self.source(header: "x"), count: 17),
        ]
        for sources in bad {
            #expect(throws: ConfigurationError.self) { try Self.decode(sources) }
        }
        #expect(throws: ConfigurationError.self) {
            try Self.decode([Self.source(header: "x")]) { $0.clearFallbackPolicy() }
        }
    }

    @Test(arguments: [Dialect.own, .envoy])
    func `a cluster comes back as it was sent, with its subsets`(dialect: Dialect) throws {
        let subsets = SubsetBalancing(selectors: [.init(keys: ["version"])], fallback: .anyEndpoint)
        for subsets in [nil, subsets] {
            let cluster = Cluster(name: "c", subsets: subsets, overrideHostHeaders: ["x-first", "x-second"])
            var resources = Fixtures.mesh
            resources.clusters["c"] = cluster
            let encoded = ResourceEncoder(dialect: dialect).encode(resources)
            let packed = try #require(encoded.resources[.cluster]?["c"])
            guard case .cluster(let read) = try ResourceDecoder().decode(packed, as: .cluster).result.get().resource
            else { throw CancellationError() }
            #expect(read.overrideHostHeaders == cluster.overrideHostHeaders && read.subsets == cluster.subsets)
        }
    }

    @Test func `gRPC's clients do without, which is reported`() throws {
        var resources = Fixtures.mesh
        resources.clusters["c"] = Cluster(name: "c", overrideHostHeaders: ["x-first"])
        let encoded = ResourceEncoder(dialect: .grpc).encode(resources)
        #expect(encoded.reports.contains { $0.path.hasSuffix("overrideHostHeaders") })
        let packed = try #require(encoded.resources[.cluster]?["c"])
        guard case .cluster(let read) = try ResourceDecoder().decode(packed, as: .cluster).result.get().resource
        else { throw CancellationError() }
        #expect(read.overrideHostHeaders == [])
    }
}
