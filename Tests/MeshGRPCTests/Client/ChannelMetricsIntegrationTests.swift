// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import GRPCCore
import MeshBalancing
import MeshConfig
import MeshCore
import MeshGRPC
import MeshObservability
import MetricsTestKit
import ServiceMesh
import Testing

@Suite("What is counted of a client's calls and connections", .timeLimit(.minutes(5)))
struct ChannelMetricsIntegrationTests {
    private let metrics = TestMetrics()

    private var configuration: MeshConfiguration {
        var configuration = MeshConfiguration(isDisabled: false)
        configuration.observers = [
            RPCMetricsObserver(factory: metrics), GRPCChannelMetrics(.init(factory: metrics)),
        ]
        return configuration
    }

    private func cluster(_ address: EndpointAddress) -> Cluster {
        let place = LocalityEndpoints(
            locality: Locality(region: "eu", zone: "eu-1"),
            endpoints: [ClusterEndpoint(address)]
        )
        var cluster = Cluster(
            name: "c",
            discovery: .fixed(EndpointAssignment(name: "c", localities: [place]))
        )
        cluster.loadBalancing = .init(ClientSideWeightedRoundRobin())
        return cluster
    }

    @Test("A78, A89, A94: a call's attempts, its connection and its balancer's weights have cluster and place")
    func calls() async throws {
        let labels = [
            ("grpc.lb.backend_service", "c"), ("grpc.lb.locality", #"{region="eu", zone="eu-1", sub_zone=""}"#),
        ]
        let ofChannel = [("grpc.target", "#mesh")] + labels
        try await ScriptedRPCServer.serving { _ in
            .ok
        } while: { _, address in
            let resources = MeshResources.greeter(routes: [.to("c")], clusters: [cluster(address)])
            try await withClient(.greeter(resources, meshConfiguration: configuration)) { client in
                _ = try await client.echo()
                let level = [("grpc.target", "#mesh"), ("grpc.security_level", "none")] + labels
                #expect(try metrics.expectMeter("grpc.subchannel.open_connections", level).lastValue == 1)
            }
        }
        let call = [("grpc.method", "mesh.Echo/Unary"), ("grpc.target", "greeter"), ("grpc.status", "OK")]
        #expect(try metrics.expectRecorder("grpc.client.attempt.duration", call + labels).values.count == 1)
        let succeeded = "grpc.subchannel.connection_attempts_succeeded"
        #expect(try metrics.expectCounter(succeeded, ofChannel).totalValue == 1)
        let notYetUsable = "grpc.lb.wrr.endpoint_weight_not_yet_usable"
        #expect(try metrics.expectCounter(notYetUsable, ofChannel).totalValue == 1)
        #expect(try metrics.expectCounter("grpc.lb.wrr.rr_fallback", ofChannel).totalValue == 1)
        #expect(try metrics.expectRecorder("grpc.lb.wrr.endpoint_weights", ofChannel).values == [0])
    }

    @Test("A94: an endpoint that refuses connections is counted, and so is a connection that its end shuts down")
    func connections() async throws {
        let labels = [("grpc.target", "#mesh"), ("grpc.lb.backend_service", "c"), ("grpc.lb.locality", "")]
        try await ScriptedRPCServer.serving { _ in
            .ok
        } while: { _, address in
            let nobody = EndpointAddress(host: "127.0.0.1", port: 1)
            let cluster = Cluster.fixed("c", [nobody, address], loadBalancing: .init(RoundRobin()))
            let resources = MeshResources.greeter(routes: [.to("c")], clusters: [cluster])
            try await withClient(.greeter(resources, meshConfiguration: configuration)) { client in
                for _ in 0..<4 { _ = try await client.echo() }
            }
        }
        let failed = try metrics.expectCounter("grpc.subchannel.connection_attempts_failed", labels)
        #expect(failed.totalValue >= 1)
        let ends = metrics.counters.filter { $0.label == "grpc.subchannel.disconnections" }
        #expect(ends.map(\.totalValue) == [1])
        let isOurs = ends.first?.dimensions.contains { $0 == ("grpc.disconnect_error", "subchannel shutdown") }
        #expect(isOurs == true)
    }
}
