// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import HTTPTypes
import MeshConfig
import MeshCore
import MeshHTTP
import MeshResilience
import NIOCore
import ServiceMesh
import Synchronization
import Testing

@Suite("Responses of HTTP that are held for several callers", .timeLimit(.minutes(5)))
struct ResponseSharingIntegrationTests {
    /// Counts over all connections: one whose body was left unread is not used again.
    private final class RequestCount: Sendable {
        private let count = Atomic(0)

        func next() -> Int { count.wrappingAdd(1, ordering: .relaxed).newValue }
    }

    /// Serves `size` bytes that begin with how many requests there were, and calls the service by a client.
    private func withClient(
        _ policies: TrafficPolicies,
        size: Int,
        _ body: (MeshHTTPClient) async throws -> Void
    ) async throws {
        let requests = RequestCount()
        try await LoopbackServer.serving { connection, _ in
            while let head = try await connection.readHead() {
                let number = requests.next()
                // The answer to a HEAD has the length, and no body.
                let isHead = head.hasPrefix("HEAD")
                let text = isHead ? "" : "\(number)" + String(repeating: ".", count: size - 1)
                try await connection.write("HTTP/1.1 200 OK\r\ncontent-length: \(size)\r\n\r\n" + text)
            }
        } while: { endpoint in
            var resources = MeshResources.service(on: [endpoint.address])
            resources.clusters["reviews"]?.policies = policies
            let mesh = try Mesh(MeshConfiguration(isDisabled: false))
            try mesh.apply(resources)
            try await withTransport { transport in
                try await body(MeshHTTPClient(mesh: mesh, transport: transport))
            }
        }
    }

    @Test("a body in memory is the same whenever it is read")
    func cache() async throws {
        let policies = TrafficPolicies(responseCache: ResponseCacheConfiguration(timeToLive: .seconds(3600)))
        try await withClient(policies, size: 40_000) { client in
            let first = try await client.get("http://reviews/a")
            for _ in 0..<3 {
                let again = try await client.get("http://reviews/a")
                #expect(again.body == first.body && again.response == first.response)
            }
            #expect(String(buffer: first.body).hasPrefix("1.") && first.body.readableBytes == 40_000)
            let other = try await client.get("http://reviews/b")
            #expect(String(buffer: other.body).hasPrefix("2."))
            let write = try await client.execute(
                HTTPRequest(method: .post, scheme: "http", authority: "reviews", path: "/a"),
                body: .text("stars: 5")
            )
            #expect(String(buffer: write.body).hasPrefix("3."))
        }
    }

    @Test("a request with a body shares nothing, though it is a GET")
    func bodies() async throws {
        let policies = TrafficPolicies(responseCache: ResponseCacheConfiguration(timeToLive: .seconds(3600)))
        try await withClient(policies, size: 10) { client in
            for number in 1...2 {
                let (_, body) = try await client.execute(
                    HTTPRequest(method: .get, scheme: "http", authority: "reviews", path: "/a"),
                    body: .text("which stars?")
                )
                #expect(String(buffer: body).hasPrefix("\(number)."))
            }
        }
    }

    @Test("a HEAD is asked once each time, however long the body is that it speaks of")
    func heads() async throws {
        var policies = TrafficPolicies(
            responseCache: ResponseCacheConfiguration(timeToLive: .seconds(3600)),
            coalescing: CoalescingConfiguration()
        )
        policies.sharing.maximumBytes = 9_999
        try await withClient(policies, size: 10_000) { client in
            for _ in 1...2 {
                let (head, body) = try await client.execute(
                    HTTPRequest(method: .head, scheme: "http", authority: "reviews", path: "/a")
                )
                #expect(head.headerFields[.contentLength] == "10000" && body.readableBytes == 0)
            }
            // The two before were one request each.
            let write = HTTPRequest(method: .post, scheme: "http", authority: "reviews", path: "/a")
            let (_, body) = try await client.execute(write, body: .text("stars: 5"))
            #expect(String(buffer: body).hasPrefix("3."))
        }
    }

    @Test("a body beyond the bound is read as it comes, by each who asks")
    func bound() async throws {
        var policies = TrafficPolicies(
            responseCache: ResponseCacheConfiguration(timeToLive: .seconds(3600)),
            coalescing: CoalescingConfiguration()
        )
        policies.sharing.maximumBytes = 9_999
        try await withClient(policies, size: 10_000) { client in
            let first = try await client.get("http://reviews/a")
            let second = try await client.get("http://reviews/a")
            #expect(first.body.readableBytes == 10_000 && second.body.readableBytes == 10_000)
            #expect(first.body != second.body)
        }
    }
}
