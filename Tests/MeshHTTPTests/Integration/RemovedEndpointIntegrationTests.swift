// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import HTTPTypes
import MeshConfig
import MeshCore
import MeshHTTP
import NIOCore
import ServiceMesh
import Testing

@Suite("An endpoint that a push takes away", .timeLimit(.minutes(5)))
struct RemovedEndpointIntegrationTests {
    @Test("loses its idle connections at once, and its busy ones when their exchanges end")
    func drained() async throws {
        try await LoopbackHTTP2Server.serving { old in
            try await LoopbackHTTP2Server.serving { new in
                let mesh = try Mesh()
                let options = ConnectionOptions(httpVersion: .http2)
                try mesh.apply(.service(on: [old.endpoint.address], connection: options))
                try await withTransport { transport in
                    let client = MeshHTTPClient(mesh: mesh, transport: transport)
                    let request = HTTPRequest(method: .post, scheme: "http", authority: "reviews", path: "/echo")
                    let (pieces, sink) = AsyncStream.makeStream(of: ByteBuffer.self)
                    try await client.withResponse(to: request, body: .stream(pieces)) { response in
                        var body = response.body.makeAsyncIterator()
                        sink.yield(ByteBuffer(string: "before"))
                        let before = try await body.next()
                        #expect(before.map { String(buffer: $0) } == "before")
                        try mesh.apply(.service(on: [new.endpoint.address], connection: options))
                        let (_, elsewhere) = try await client.get("http://reviews/bytes/3")
                        #expect(elsewhere.readableBytes == 3)
                        #expect(new.connectionCount == 1)
                        sink.yield(ByteBuffer(string: "after"))
                        let after = try await body.next()
                        #expect(after.map { String(buffer: $0) } == "after")
                        sink.finish()
                        let end = try await body.next()
                        #expect(end == nil)
                    }
                    while transport.statistics.endpoints > 1 { try await transport.settle() }
                    try mesh.apply(.service(on: [old.endpoint.address], connection: options))
                    while transport.statistics.endpoints > 0 { try await transport.settle() }
                }
            }
        }
    }
}
