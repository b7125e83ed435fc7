// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import AsyncHTTPClient
import MeshAsyncHTTPClient
import MeshConfig
import MeshCore
import MeshHTTP
import MeshTesting
import NIOCore
import NIOHTTP1
import ServiceMesh
import Testing

@Suite("Both adapters of AsyncHTTPClient in one mesh", .timeLimit(.minutes(5)))
struct RoutingIntegrationTests {
    @Test
    func `reach a service by its name, and no other`() async throws {
        try await LoopbackServer.serving(echo) { endpoint in
            let observer = RecordingObserver()
            let mesh = try Mesh(MeshConfiguration(outboundTrafficPolicy: .registryOnly, observers: [observer]))
            try mesh.apply(.service("reviews", at: endpoint))
            try await withTransport { transport in
                let contract = TransportContract(transport)
                let client = MeshAsyncHTTPClient(MeshHTTPClient(mesh: mesh, transport: contract))
                let named = HTTPClientRequest(url: "http://reviews/0")
                var addressed = HTTPClientRequest(url: "http://192.0.2.1:1/0")
                addressed.headers.add(name: "Host", value: "reviews")
                for request in [named, addressed] {
                    let response = try await client.execute(request, timeout: .seconds(60))
                    let text = String(buffer: try await response.body.collect(upTo: 1 << 16))
                    #expect(text.hasPrefix("GET /0 HTTP/1.1\r\nhost: reviews\r\n"))
                    #expect(text.contains("traceparent: 00-"))
                }
                let error = await meshError {
                    _ = try await client.execute(HTTPClientRequest(url: "http://ratings/0"), timeout: .seconds(60))
                }
                #expect(error?.code == .unknownHost)
                #expect(contract.violations == [])
            }
            #expect(observer.requests.map(\.cluster) == ["reviews", "reviews", nil])
            #expect(observer.requests.map(\.status) == [200, 200, 502])
        }
    }
}
