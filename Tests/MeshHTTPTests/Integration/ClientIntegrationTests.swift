// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import HTTPTypes
import MeshConfig
import MeshCore
import MeshHTTP
import NIOCore
import ServiceMesh
import Testing

@Suite("The client of applications", .timeLimit(.minutes(5)))
struct ClientIntegrationTests {
    private struct Rating: Decodable, Equatable {
        var stars: Int
    }

    /// A client of a mesh without configuration, so that every host is reached directly.
    private func withClient<Result>(
        _ mesh: Mesh? = nil,
        requestMiddleware: [any Middleware<OutboundRequest, OutboundResponse>] = [],
        _ body: (MeshHTTPClient, HTTPTransport) async throws -> Result
    ) async throws -> Result {
        let mesh = try mesh ?? Mesh(MeshConfiguration(isDisabled: false))
        return try await withTransport { transport in
            try await body(
                MeshHTTPClient(mesh: mesh, transport: transport, requestMiddleware: requestMiddleware),
                transport
            )
        }
    }

    private func answer(_ connection: LoopbackServer.Connection, _ number: Int) async throws {
        while let head = try await connection.readHead() {
            switch head.firstLine {
            case "GET /json HTTP/1.1": try await connection.write(#"{"stars":5}"#.asResponse)
            case "GET /missing HTTP/1.1":
                try await connection.write("HTTP/1.1 404 Not Found\r\ncontent-length: 4\r\n\r\nnone")
            default: try await connection.write(head.asResponse)
            }
        }
    }

    @Test("gets, decodes, and reads as much as it is told", arguments: [false, true])
    func conveniences(isDisabled: Bool) async throws {
        let mesh = try Mesh(MeshConfiguration(isDisabled: isDisabled))
        try await LoopbackServer.serving(answer) { endpoint in
            try await withClient(mesh) { client, transport in
                let base = "http://\(endpoint.address)"
                let (response, body) = try await client.get("\(base)/hello?x=1")
                #expect(response.status == .ok)
                #expect(String(buffer: body).hasPrefix("GET /hello?x=1 HTTP/1.1\r\nhost: \(endpoint.address)"))
                let rating = try await client.decode(Rating.self, from: "\(base)/json")
                #expect(rating == Rating(stars: 5))
                await #expect(throws: UnexpectedStatus(status: .notFound, body: "none")) {
                    try await client.decode(Rating.self, from: "\(base)/missing")
                }
                let error = await meshError { _ = try await client.get("\(base)/hello", maximumResponseBytes: 3) }
                #expect(error?.code == .responseTooLarge)
                let invalid = await meshError { _ = try await client.get("nonsense") }
                #expect(invalid?.code == .invalidRequest)
                let again = try await client.get("\(base)/hello")
                #expect(again.response.status == .ok)
                #expect(transport.statistics.connections <= 1)
            }
        }
    }

    @Test("passes on the trace and the deadline of the request that the task serves")
    func inheritance() async throws {
        try await LoopbackServer.serving(answer) { endpoint in
            try await withClient { client, transport in
                var inbound = InboundContext(
                    trace: TraceContext(traceIDHigh: 7, traceIDLow: 8, spanID: 9, flags: 1, state: "v=1")
                )
                inbound.deadline = Deadline(.seconds(20), after: transport.configuration.clock.now)
                let body = try await InboundContext.$current.withValue(inbound) {
                    try await client.get("http://\(endpoint.address)/", timeout: .seconds(99)).body
                }
                let head = String(buffer: body)
                #expect(head.contains("traceparent: 00-00000000000000070000000000000008-"))
                #expect(!head.contains("-0000000000000009-"), "an outbound request is a span of its own")
                #expect(head.contains("tracestate: v=1"))
                let left = head.split(separator: "x-envoy-expected-rq-timeout-ms: ").last?.prefix { $0.isNumber }
                let milliseconds = try #require(left.flatMap { Int($0) })
                #expect(milliseconds <= 20_000 && milliseconds > 10_000)
            }
        }
    }

    @Test("streams a response to a closure that runs where its caller runs")
    @MainActor
    func scoped() async throws {
        try await LoopbackServer.serving(answer) { endpoint in
            try await withClient { client, transport in
                let request = try HTTPRequest(.post, absolute: "http://\(endpoint.address)/up")
                var count = 0
                try await client.withResponse(to: request, body: .text("")) { response in
                    MainActor.assertIsolated()
                    for try await chunk in response.body { count += chunk.readableBytes }
                }
                #expect(count > 0)
                #expect(transport.statistics.idleConnections == 1)
            }
        }
    }

    @Test("stays on the loop of a task that lives there")
    func onLoop() async throws {
        try await LoopbackServer.serving(answer) { endpoint in
            try await withClient { client, transport in
                let executor = transport.executors.next()
                try await withTaskExecutorPreference(executor) { () async throws -> Void in
                    let (response, _) = try await client.get("http://\(endpoint.address)/")
                    #expect(response.status == .ok)
                    #expect(executor.eventLoop.inEventLoop)
                }
            }
        }
    }

    @Test("gives an answer of the mesh's own as a response, and other refusals as errors")
    func localReplies() async throws {
        struct Answering: Middleware {
            func intercept(
                _ request: OutboundRequest,
                context: inout CallContext,
                next: Next<OutboundRequest, OutboundResponse>
            ) async throws -> OutboundResponse {
                if request.path == "/own" { return OutboundResponse(HTTPResponse(status: 418)) }
                let reply = LocalReply(status: 418, body: "teapot", headers: [.init("x-from", "mesh")])
                let isReply = request.path == "/reply"
                throw MeshError(
                    isReply ? .faultInjected : .overflow,
                    origin: .local,
                    message: "refused",
                    localReply: isReply ? reply : nil
                )
            }
        }
        try await withClient(requestMiddleware: [Answering()]) { client, transport in
            let (response, body) = try await client.get("http://reviews/reply")
            #expect(response.status.code == 418)
            #expect(response.headerFields[HTTPField.Name("x-from")!] == "mesh")
            #expect(String(buffer: body) == "teapot")
            let own = try await client.get("http://reviews/own")
            #expect(own.response.status.code == 418)
            let error = await meshError { _ = try await client.get("http://reviews/refused") }
            #expect(error?.code == .overflow)
            #expect(transport.statistics == HTTPTransport.Statistics())
        }
    }
}
