// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import HTTPTypes
import MeshConfig
import MeshCore
import MeshHTTP
import MeshResilience
import MeshRouting
import ServiceMesh
import Testing

@testable import MeshXDS

@Suite("The runtime by RTDS over loopback", .timeLimit(.minutes(5)))
struct RuntimeIntegrationTests {
    private static let request = HTTPRequest(method: .get, scheme: "http", authority: "c", path: "/")

    /// One route to a server that answers, with a fault that nobody gets unless the runtime says so.
    private static func resources(_ server: EndpointAddress, _ layers: [RuntimeLayer]) -> MeshResources {
        let route = Route(
            action: .forward(.init(clusters: WeightedClusters(single: "c"))),
            fault: FaultConfiguration(abort: .init(status: 503, percentage: .none))
        )
        // Envoy's filter does nothing on a route whose listener does not have it.
        let filters = [HTTPFilter.fault(FaultConfiguration())]
        let host = VirtualHost(name: "c", domains: [.exact("c")], routes: [route])
        return MeshResources(
            listeners: [Listener(name: "c", filters: filters, routes: .named("r"))],
            routeConfigurations: [RouteConfiguration(name: "r", virtualHosts: [host])],
            clusters: [Cluster(name: "c")],
            endpointAssignments: [EndpointAssignment(name: "c", addresses: [server])],
            runtimeLayers: layers
        )
    }

    private static func layer(_ name: String, _ percent: UInt64, status: UInt64 = 418) -> RuntimeLayer {
        RuntimeLayer(
            name: name,
            values: [
                "fault.http.abort.abort_percent": .integer(percent),
                "fault.http.abort.http_status": .integer(status),
            ]
        )
    }

    @Test(arguments: XDSVariant.allCases)
    func `a layer that changes is met by the next requests, and a bad one by none`(variant: XDSVariant) async throws {
        let server = MeshHTTPServer(
            stack: InboundStack(mesh: try Mesh(), address: EndpointAddress(host: "127.0.0.1", port: 0))
        ) { _ in InboundResponse(status: .ok) }
        let cache = SnapshotCache { _ in "g" }
        let xds = XDSServer(address: EndpointAddress(host: "127.0.0.1", port: 0), provider: cache)
        let (listening, heard) = AsyncStream.makeStream(of: EndpointAddress.self)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.run { heard.yield($0) } }
            group.addTask { try await xds.run() }
            var found: EndpointAddress?
            for await address in listening {
                found = address
                break
            }
            let place = try #require(found)
            try cache.publish(Self.resources(place, [Self.layer("base", 0), Self.layer("canary", 0)]), to: "g")
            let bootstrap = Bootstrap(server: try await xds.listeningAddress, node: .init(id: "x"))
            let source = XDSConfigSource(bootstrap: bootstrap, protocol: variant, runtimeLayers: ["base", "canary"])
            let mesh = try Mesh(sources: [source])
            group.addTask { try await mesh.run() }
            try await mesh.ready(timeout: .seconds(60))
            try await withHTTPTransport { transport in
                let client = MeshHTTPClient(mesh: mesh, transport: transport)
                #expect(try await client.execute(Self.request).response.status.code == 200)
                // Of the two the later one wins.
                let layers = [Self.layer("base", 0), Self.layer("canary", 100)]
                try cache.publish(Self.resources(place, layers), to: "g")
                // Requests go on meanwhile; the suite's time is over if this never ends.
                while try await client.execute(Self.request).response.status.code == 200 {}
                #expect(try await client.execute(Self.request).response.status.code == 418)
                #expect(mesh.status.runtime.contains("fault.http.abort.abort_percent = 100, layer canary"))
                let other = [Self.layer("base", 100, status: 500), Self.layer("canary", 100, status: 429)]
                try cache.publish(Self.resources(place, other), to: "g")
                while try await client.execute(Self.request).response.status.code == 418 {}
                #expect(try await client.execute(Self.request).response.status.code == 429)
            }
            let known = source.clientConfig(withContents: true).genericXdsConfigs
                .filter { $0.typeURL == ResourceKind.runtimeLayer.typeURL }
            #expect(known.map(\.name) == ["base", "canary"])
            #expect(known.map(\.clientStatus) == [.acked, .acked])
            let served = cache.inventory.clients.first?.served[.runtimeLayer]?.resources
            #expect(served?.map(\.name) == ["base", "canary"])
            server.drain.beginStopping()
            group.cancelAll()
            while let result = await group.nextResult() { _ = result }
        }
    }
}
