// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import HTTPTypes
import MeshConfig
import MeshCore
import MeshHTTP
import NIOCore
import NIOHTTP1
import ServiceMesh
import Testing

@Suite(.timeLimit(.minutes(5))) struct ServerLimitsIntegrationTests {
    @Test func `a head that trickles in is cut off, and a busy or idle connection is not`() async throws {
        let configuration = MeshHTTPServer.Configuration(headerTimeout: .seconds(3))
        try await serving(configuration) { _ in
            InboundResponse()
        } while: { server, address in
            try await LoopbackClient.connecting(to: address) { idle in
                try await idle.write("GET / HTTP/1.1\r\nhost: h\r\n\r\n")
                #expect(try await idle.readResponse() != nil)
                try await withThrowingTaskGroup(of: String?.self) { group in
                    for beginning in ["GET / HTTP/1.1\r\nhost:", "", "PRI * HT"] {
                        group.addTask {
                            try await LoopbackClient.connecting(to: address) { slow in
                                if !beginning.isEmpty { try await slow.write(beginning) }
                                return try await slow.read(1)
                            }
                        }
                    }
                    for try await answer in group { #expect(answer == nil) }
                }
                try await idle.write("GET / HTTP/1.1\r\nhost: h\r\n\r\n")
                #expect(try await idle.readResponse() != nil)
                // Not only the first head of a connection has a limit.
                try await idle.write("GET / HTTP/1.1\r\n")
                #expect(try await idle.readHead() == nil)
            }
        }
    }

    @Test func `an idle connection closes after its time`() async throws {
        try await serving(.init(idleTimeout: .milliseconds(500))) { _ in
            InboundResponse()
        } while: { _, address in
            try await LoopbackClient.connecting(to: address) { connection in
                try await connection.write("GET / HTTP/1.1\r\nhost: h\r\n\r\n")
                #expect(try await connection.readResponse() != nil)
                #expect(try await connection.readHead() == nil)
            }
            try await HTTP2LoopbackClient.connecting(to: address) { client in
                // Without a request: on a busy machine it might come when the goodbye is on its way.
                try await client.channel.closeFuture.get()
            }
        }
    }

    @Test func `more connections than there may be are closed, and room is used again`() async throws {
        try await serving(.init(maximumConnections: 1)) { _ in
            InboundResponse()
        } while: { _, address in
            let request = "GET / HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n"
            try await LoopbackClient.connecting(to: address) { first in
                // It has its place once it is served.
                try await first.write("GET / HTTP/1.1\r\nhost: h\r\n\r\n")
                #expect(try await first.readResponse() != nil)
                try await LoopbackClient.connecting(to: address) { second in
                    let end = try await second.read(1)
                    #expect(end == nil)
                }
                try await first.write(request)
                #expect(try await first.readResponse() != nil)
                #expect(try await first.read(1) == nil)
            }
            // The caller may see the connection's end before the server has counted it.
            var isServed = false
            while !isServed {
                isServed = try await LoopbackClient.connecting(to: address) { next in
                    try? await next.write(request)
                    return try await next.readResponse() != nil
                }
            }
        }
    }

    @Test func `too many fields and too large ones are refused`() async throws {
        let configuration = MeshHTTPServer.Configuration(maximumHeaderBytes: 1000, maximumHeaderCount: 10)
        try await serving(configuration) { _ in
            InboundResponse()
        } while: { _, address in
            let many = (0..<20).map { "x-\($0): 1\r\n" }.joined()
            let large = "x-large: \(String(repeating: "1", count: 2000))\r\n"
            for fields in [many, large] {
                try await LoopbackClient.connecting(to: address) { connection in
                    try await connection.write("GET / HTTP/1.1\r\nhost: h\r\n\(fields)\r\n")
                    #expect(try await connection.readHead()?.firstLine == "HTTP/1.1 400 Bad Request")
                }
            }
            try await HTTP2LoopbackClient.connecting(to: address) { client in
                let fields = HTTPHeaders((0..<20).map { ("x-\($0)", "1") })
                let responses = [try await client.send("/", headers: fields), try await client.send("/")]
                #expect(responses.map(\.status) == [431, 200])
            }
        }
    }

    @Test func `too many requests at once are refused by a 503 with Envoy's header`() async throws {
        let (entered, leave) = (Signal(), Signal())
        let mesh = try Mesh(MeshConfiguration(isDisabled: false))
        let stack = InboundStack(
            mesh: mesh,
            address: EndpointAddress(host: "127.0.0.1", port: 9080),
            configuration: InboundConfiguration(maximumConcurrentRequests: 1, livenessPath: "/livez")
        )
        try await serving(stack: stack) { _ in
            entered.set()
            await leave.wait()
            return InboundResponse()
        } while: { _, address in
            try await HTTP2LoopbackClient.connecting(to: address) { client in
                async let first = client.send("/")
                await entered.wait()
                let refused = try await client.send("/")
                #expect(refused.status == 503 && refused.headers["x-envoy-overloaded"] == ["true"])
                let live = try await client.send("/livez")
                #expect(live.status == 200)
                leave.set()
                let served = [try await first, try await client.send("/")]
                #expect(served.map(\.status) == [200, 200])
            }
        }
    }
}
