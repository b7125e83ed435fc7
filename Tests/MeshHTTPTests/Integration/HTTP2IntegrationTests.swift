// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import HTTPTypes
import MeshCore
import MeshHTTP
import NIOCore
import NIOSSL
import Testing

@Suite("HTTP/2 over a real socket", .timeLimit(.minutes(5)))
struct HTTP2IntegrationTests {
    @Test("carries many requests at once on one connection")
    func manyAtOnce() async throws {
        try await LoopbackHTTP2Server.serving { server in
            try await withTransport { transport in
                try await withThrowingTaskGroup(of: Int.self) { group in
                    for size in 0..<64 {
                        group.addTask {
                            try await transport.exchange(.get("/bytes/\(size * 1000)"), with: server.endpoint).body.utf8
                                .count
                        }
                    }
                    var sizes: Set<Int> = []
                    for try await size in group { sizes.insert(size) }
                    #expect(sizes.count == 64)
                }
                #expect(server.connectionCount == 1)
                #expect(transport.statistics.activeRequests == 0)
            }
        }
    }

    @Test("makes further connections where one does not allow enough streams")
    func severalConnections() async throws {
        try await LoopbackHTTP2Server.serving(maximumConcurrentStreams: 4) { server in
            try await withTransport { transport in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for _ in 0..<10 {
                        group.addTask {
                            _ = try await transport.exchange(
                                .get("/never"),
                                with: server.endpoint,
                                timeout: .seconds(60)
                            )
                        }
                    }
                    while transport.statistics.activeRequests < 10 { try await transport.settle() }
                    #expect(server.connectionCount == 3)
                    group.cancelAll()
                    while let result = await group.nextResult() {
                        guard case .failure(let error) = result else {
                            Issue.record("nobody answers this")
                            continue
                        }
                        #expect((error as? MeshError)?.code == .cancelled)
                    }
                }
                try await transport.settle()
                #expect(transport.statistics.activeRequests == 0)
            }
        }
    }

    @Test("streams both ways at once, trailers included")
    func bothWays() async throws {
        try await LoopbackHTTP2Server.serving { server in
            try await withTransport { transport in
                let (source, sink) = AsyncStream.makeStream(of: ByteBuffer.self)
                var request = OutboundRequest.post("/echo", .stream(source))
                request.trailers = [HTTPField.Name("x-sum")!: "7"]
                var context = transport.callContext(server.endpoint)
                try await transport.withResponse(to: request, context: &context) { response in
                    var body = response.body.makeAsyncIterator()
                    // Each piece is sent only when the one before has come back: neither side waits for the other's end.
                    for index in 0..<20 {
                        sink.yield(ByteBuffer(string: "piece \(index)"))
                        let piece = try await body.next()
                        #expect(piece.map { String(buffer: $0) } == "piece \(index)")
                    }
                    sink.finish()
                    let end = try await body.next()
                    #expect(end == nil)
                    #expect(response.trailers == [HTTPField.Name("x-sum")!: "7"])
                }
                #expect(transport.statistics.activeRequests == 0)
            }
        }
    }

    @Test("sends and receives bodies that are larger than any window", arguments: [true, false])
    func largeBodies(isStreamed: Bool) async throws {
        let size = 5_000_000
        try await LoopbackHTTP2Server.serving { server in
            try await withTransport { transport in
                let whole = ByteBuffer(repeating: 97, count: size)
                let body: RequestBody =
                    isStreamed
                    ? .written { writer in
                        for _ in 0..<100 { try await writer.write(ByteBuffer(repeating: 97, count: size / 100)) }
                    } : .bytes(whole)
                let answer = try await transport.exchange(.post("/echo", body), with: server.endpoint)
                #expect(answer.body.utf8.count == size)
                #expect(
                    try await transport.exchange(.get("/bytes/\(size)"), with: server.endpoint).body.utf8.count == size
                )
            }
        }
    }

    @Test("goes to a new connection when the old one says goodbye, and loses nothing")
    func goodbye() async throws {
        try await LoopbackHTTP2Server.serving { server in
            try await withTransport { transport in
                for round in 0..<5 {
                    try await withThrowingTaskGroup(of: Void.self) { group in
                        for _ in 0..<20 {
                            group.addTask {
                                for _ in 0..<10 {
                                    // Without a body: swift-nio-http2 refuses streams behind its goodbye, and takes
                                    // what else comes on them for a breach that ends the connection.
                                    let answer = try await transport.exchange(.get("/bytes/1"), with: server.endpoint)
                                    #expect(answer.body == "x")
                                }
                            }
                        }
                        if round < 4 { server.sayGoodbye() }
                        try await group.waitForAll()
                    }
                }
                #expect(transport.statistics.activeRequests == 0)
                #expect(server.connectionCount >= 2)
            }
        }
    }

    @Test("is what ALPN finds, and HTTP/1.1 where it finds nothing else", arguments: [true, false])
    func negotiation(speaksHTTP2: Bool) async throws {
        var configuration = try LoopbackCertificate.server
        configuration.applicationProtocols = speaksHTTP2 ? ["h2", "http/1.1"] : ["http/1.1"]
        let context = try NIOSSLContext(configuration: configuration)
        let policy = try ClientTLS(LoopbackCertificate.client)
        func check(_ endpoint: Endpoint) async throws {
            var endpoint = endpoint
            endpoint.security = .tls(serverName: "localhost")
            endpoint.connection.httpVersion = .automatic
            try await withTransport {
                $0.publicTLS = policy
            } _: { transport in
                for _ in 0..<3 {
                    let answer = try await transport.exchange(.get("/bytes/3"), with: endpoint)
                    #expect(answer.body == (speaksHTTP2 ? "xxx" : "GET /bytes/3 HTTP/1.1"))
                }
                #expect(transport.statistics.connections == 1)
            }
        }
        if speaksHTTP2 {
            try await LoopbackHTTP2Server.serving(tls: context) { try await check($0.endpoint) }
        } else {
            try await LoopbackServer.serving(tls: context) { connection, _ in
                while let head = try await connection.readHead() {
                    try await connection.write(head.firstLine.asResponse)
                }
            } while: { endpoint in
                try await check(endpoint)
            }
        }
    }

    @Test("says what is wrong with a peer that does not speak it")
    func wrongPeer() async throws {
        try await LoopbackServer.serving { connection, _ in
            _ = try await connection.read(through: "SM\r\n\r\n")
            try await connection.write("HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n")
        } while: { endpoint in
            var endpoint = endpoint
            endpoint.connection.httpVersion = .http2
            try await withTransport { transport in
                let error = await meshError { _ = try await transport.exchange(with: endpoint) }
                #expect(error?.code == .connectionFailed)
                #expect(error?.requestState == .notSent)
            }
        }
    }
}
