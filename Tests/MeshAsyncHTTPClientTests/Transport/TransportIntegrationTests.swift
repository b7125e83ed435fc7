// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import HTTPTypes
import MeshAsyncHTTPClient
import MeshCore
import MeshHTTP
import MeshTesting
import NIOCore
import Testing

@Suite("AsyncHTTPClient as a transport", .timeLimit(.minutes(5)))
struct TransportIntegrationTests {
    @Test
    func `dials the endpoint and names the authority, and keeps its connection`() async throws {
        let numbers = Recorder<Int>()
        try await LoopbackServer.serving { connection, number in
            numbers.append(number)
            try await echo(connection, number)
        } while: { endpoint in
            try await withTransport { transport in
                let contract = TransportContract(transport)
                for _ in 0..<3 {
                    let answer = try await contract.exchange(.get("/a//b?c=%20d&e"), with: endpoint)
                    #expect(answer.status == 200)
                    #expect(answer.body.firstLine == "GET /a//b?c=%20d&e HTTP/1.1")
                    #expect(answer.body.contains("\r\nhost: reviews\r\n"))
                }
                #expect(contract.violations == [])
            }
        }
        #expect(numbers.all == [0])
    }

    @Test
    func `writes the mesh's fields and none of the hop before`() async throws {
        try await LoopbackServer.serving(echo) { endpoint in
            try await withTransport { transport in
                var context = transport.callContext(endpoint, timeout: .seconds(100))
                context.trace = TraceContext(traceIDHigh: 7, traceIDLow: 8, spanID: 9, flags: 1, state: "v=1")
                let fields: HTTPFields = [
                    .connection: "keep-alive", .upgrade: "h2c", .transferEncoding: "chunked",
                    HTTPField.Name("proxy-connection")!: "evil",
                    HTTPField.Name("Keep-Alive")!: "timeout=5", HTTPField.Name("traceparent")!: "00-old",
                    HTTPField.Name("X-Kept")!: "yes", .te: "gzip",
                    HTTPField.Name("x-envoy-expected-rq-timeout-ms")!: "1",
                ]
                let text = try await transport.withResponse(
                    to: .get("/", headerFields: fields),
                    context: &context
                ) { String(buffer: try await $0.body.collect(upTo: 1 << 16)) }
                #expect(text.contains("traceparent: 00-00000000000000070000000000000008-0000000000000009-01\r\n"))
                #expect(text.contains("tracestate: v=1\r\n"))
                #expect(text.contains("X-Kept: yes\r\n"))
                let left = text.split(separator: "x-envoy-expected-rq-timeout-ms: ").dropFirst()
                #expect(left.count == 1)
                let milliseconds = try #require(left.first.flatMap { Int($0.prefix { $0.isNumber }) })
                #expect(milliseconds > 50_000 && milliseconds <= 100_000)
                for unwanted in ["connection", "Upgrade", "chunked", "evil", "Keep-Alive", "old", "gzip"] {
                    #expect(!text.lowercased().contains(unwanted.lowercased()), "\(unwanted)")
                }
            }
        }
    }

    private static var twoLengths: HTTPFields {
        var fields = HTTPFields()
        for length in ["1", "2"] { fields.append(HTTPField(name: .contentLength, value: length)) }
        return fields
    }

    @Test(arguments: [
        OutboundRequest.get("/a b"), .get("/a\u{7F}b"), .get("/#f"), .get("*"), .get("http://other/"),
        OutboundRequest(HTTPRequest(method: .get, scheme: "http", authority: "a@b", path: "/")),
        OutboundRequest(HTTPRequest(method: .connect, scheme: "http", authority: "a", path: "/")),
        OutboundRequest(
            HTTPRequest(method: .post, scheme: "http", authority: "a", path: "/"),
            trailers: [.contentType: "x"]
        ),
        .post("/", .written { _ in }, headerFields: [.contentLength: "+5"]),
        .post("/", .text("a"), headerFields: twoLengths),
    ])
    func `refuses what cannot be written as it is`(request: OutboundRequest) async throws {
        try await withTransport { transport in
            let endpoint = Endpoint(address: EndpointAddress(host: "127.0.0.1", port: 9))
            var context = transport.callContext(endpoint)
            let error = await meshError { _ = try await transport.send(request, context: &context) }
            #expect(error?.code == .invalidRequest)
            #expect(error?.requestState == .notSent)
            #expect(context.openExchanges == 0)
        }
    }

    @Test(arguments: [
        Endpoint.Security.mutualTLS(acceptedIdentities: []), .mutualTLS(acceptedIdentities: ["spiffe://a/b"]),
    ])
    func `refuses an endpoint whose identity it cannot check`(security: Endpoint.Security) async throws {
        try await withTransport { transport in
            let endpoint = Endpoint(address: EndpointAddress(host: "127.0.0.1", port: 9), security: security)
            let error = await meshError { _ = try await transport.exchange(with: endpoint) }
            #expect(error?.code == .connectionFailed)
            #expect(error?.origin == .local)
            #expect(error?.requestState == .notSent)
            #expect(error?.message.contains("identity") == true)
        }
    }

    @Test
    func `refuses a proxy of the endpoint's, HTTP 2 in plaintext, and a host that is none`() async throws {
        try await withTransport { transport in
            let address = EndpointAddress(host: "127.0.0.1", port: 9)
            let endpoints = [
                Endpoint(address: address, proxy: address),
                Endpoint(address: address, connection: ConnectionOptions(httpVersion: .http2)),
                Endpoint(address: EndpointAddress(host: "evil/path?", port: 80)),
            ]
            for endpoint in endpoints {
                let error = await meshError { _ = try await transport.exchange(with: endpoint) }
                #expect(error?.code == .connectionFailed)
                #expect(error?.origin == .local)
            }
        }
    }

    @Test
    func `does not follow redirects`() async throws {
        try await LoopbackServer.serving { connection, _ in
            while try await connection.readHead() != nil {
                try await connection.write("HTTP/1.1 302 Found\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n")
            }
        } while: { endpoint in
            try await withTransport { transport in
                let answer = try await transport.exchange(with: endpoint)
                #expect(answer.status == 302)
            }
        }
    }

    @Test
    func `is back to a connection whose short response nobody read`() async throws {
        let numbers = Recorder<Int>()
        try await LoopbackServer.serving { connection, number in
            numbers.append(number)
            try await echo(connection, number)
        } while: { endpoint in
            try await withTransport { transport in
                let contract = TransportContract(transport)
                for _ in 0..<10 {
                    var context = contract.callContext(endpoint)
                    try await contract.withResponse(to: .get("/"), context: &context) { #expect($0.statusCode == 200) }
                    #expect(context.openExchanges == 0)
                }
                let answer = try await contract.exchange(with: endpoint)
                #expect(answer.status == 200)
                #expect(contract.violations == [])
            }
        }
        // A request that comes while the rest of the last response is on its way takes another.
        #expect(numbers.all.count < 10)
    }
}
