// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import HTTPTypes
import MeshConfig
import MeshCore
import MeshHTTP
import MeshRouting
import NIOCore
import ServiceMesh
import Testing

/// What people ask a mesh that runs.
@Suite struct MeshAdministrationTests {
    private static func asking(_ path: String, _ method: HTTPRequest.Method = .get) async throws -> (Int, String) {
        let mesh = try Mesh()
        let route = Route(
            name: "jason",
            match: RouteMatch(headers: [HeaderMatcher("x-user", .value(.init(.exact("jason"))))]),
            action: .directResponse(LocalReply(status: 299))
        )
        let host = VirtualHost(name: "reviews", domains: [.exact("reviews")], routes: [route])
        let table = RouteConfiguration(name: "reviews", virtualHosts: [host])
        try mesh.apply(MeshResources(listeners: [Listener(name: "reviews:80", routes: .inline(table))], clusters: []))
        let administration = MeshAdministration(mesh: mesh)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            let (listening, sink) = AsyncStream.makeStream(of: EndpointAddress.self)
            group.addTask { try await administration.run { sink.yield($0) } }
            defer { group.cancelAll() }
            for await address in listening {
                return try await withHTTPTransport(HTTPTransport.Configuration()) { transport in
                    let head = HTTPRequest(method: method, scheme: "http", authority: "\(address)", path: path)
                    var context = CallContext(now: SystemClock().now)
                    context.endpoint = Endpoint(address: address)
                    return try await transport.withResponse(to: OutboundRequest(head), context: &context) { response in
                        (response.statusCode, String(buffer: try await response.body.collect(upTo: 1_000_000)))
                    }
                }
            }
            return (0, "")
        }
    }

    @Test func `it explains as text, and as JSON`() async throws {
        let question = "/explain?url=http%3A%2F%2Freviews%2F1&header=x-user%3A%20jason"
        let (status, text) = try await Self.asking(question)
        #expect(status == 200 && text.contains("jason (number 0)"))
        let (_, json) = try await Self.asking(question + "&format=json")
        #expect(json.contains("\"name\" : \"listener\"") && json.contains("\"value\" : \"reviews:80\""))
    }

    @Test func `it tells what the mesh has`() async throws {
        let (status, json) = try await Self.asking("/status")
        #expect(status == 200 && json.contains("\"generation\" : 1") && json.contains("\"sources\""))
        #expect(try await Self.asking("/status", .post).0 == 405)
    }

    @Test func `what it does not understand is refused, and nothing else is there`() async throws {
        #expect(try await Self.asking("/explain").0 == 400)
        #expect(try await Self.asking("/explain?url=reviews").0 == 400)
        #expect(try await Self.asking("/explain?url=http%3A%2F%2Fa%2F&header=x").0 == 400)
        #expect(try await Self.asking("/").0 == 404)
        #expect(try await Self.asking("/explain?url=http%3A%2F%2Fa%2F", .post).0 == 405)
    }
}
