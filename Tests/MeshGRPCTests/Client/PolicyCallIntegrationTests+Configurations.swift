// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import GRPCCore
import MeshBalancing
import MeshConfig
import MeshCore
import MeshGRPC
import MeshResilience
import MeshRouting
import NIOHPACK
import ServiceMesh
import Testing

extension PolicyCallIntegrationTests {
    @Test("are held until there is a configuration, and wait for an endpoint if they are told to")
    func waitsForReady() async throws {
        try await servers(1) { servers in
            let source = LateSource()
            let transport = try MeshClientTransport(
                target: MeshTarget("xds:///greeter"),
                sources: [source],
                meshConfiguration: MeshConfiguration(isDisabled: false)
            )
            try await withClient(transport) { client in
                async let held = client.failure()
                source.deliver(.greeter(routes: [.to("c")], clusters: [.fixed("c", [])]))
                // There is a configuration, and nobody in it.
                #expect(await held?.code == .unavailable)
                async let waiting = client.echo(options: .waiting)
                source.deliver(.greeter(routes: [.to("c")], clusters: [.fixed("c", [servers[0].address])]))
                let answer = try await waiting
                #expect(answer == [42])
                var options = CallOptions.waiting
                options.timeout = .milliseconds(200)
                source.deliver(.greeter(routes: [.to("c")], clusters: [.fixed("c", [])]))
                // What is in force now is told by nobody; calls find out.
                while await client.failure() == nil {}
                #expect(await client.failure(options: options)?.code == .deadlineExceeded)
            }
        }
    }

    @Test("A74: a call is decided by one configuration, whatever comes meanwhile")
    func oneConfiguration() async throws {
        try await servers(2) { servers in
            let source = LateSource()
            let transport = try MeshClientTransport(
                target: MeshTarget("xds:///greeter"),
                sources: [source],
                meshConfiguration: MeshConfiguration(isDisabled: false)
            )
            source.deliver(.greeter(routes: [.to("a")], clusters: [.fixed("a", [servers[0].address])]))
            try await withClient(transport) { client in
                for step in 0..<50 {
                    #expect(await client.failure() == nil)
                    let name = step.isMultiple(of: 2) ? "b" : "a"
                    let address = servers[step.isMultiple(of: 2) ? 1 : 0].address
                    source.deliver(.greeter(routes: [.to(name)], clusters: [.fixed(name, [address])]))
                }
            }
            #expect(servers.map(\.server.calls.count).reduce(0, +) == 50)
        }
    }

    @Test("A61: an endpoint of several addresses is reached by the one that answers")
    func severalAddresses() async throws {
        let closed = try await ScriptedRPCServer.closedPort()
        try await servers(1) { servers in
            let endpoint = ClusterEndpoint(closed, additionalAddresses: [servers[0].address])
            let cluster = Cluster(
                name: "c",
                discovery: .fixed(EndpointAssignment(name: "c", localities: [LocalityEndpoints(endpoints: [endpoint])]))
            )
            try await withClient(.greeter(.greeter(routes: [.to("c")], clusters: [cluster]))) { client in
                for _ in 0..<3 { _ = try await client.echo() }
            }
            #expect(servers[0].server.calls.count == 3)
        }
    }
}

extension CallOptions {
    fileprivate static var waiting: CallOptions {
        var options = CallOptions.defaults
        options.waitForReady = true
        return options
    }
}

/// A source that delivers when a test says so.
final class LateSource: ConfigSource {
    let name = "late"
    private let resources: AsyncStream<MeshResources>
    private let deliveries: AsyncStream<MeshResources>.Continuation

    init() {
        (resources, deliveries) = AsyncStream.makeStream(of: MeshResources.self)
    }

    func deliver(_ resources: MeshResources) {
        deliveries.yield(resources)
    }

    func run(delivering sink: ConfigSink) async throws {
        for await resources in resources { try sink.apply(resources) }
        try Task.checkCancellation()
    }
}
