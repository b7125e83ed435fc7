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

@Suite(.timeLimit(.minutes(5))) struct ServerDrainIntegrationTests {
    private let stack: InboundStack

    init() throws {
        stack = InboundStack(
            mesh: try Mesh(MeshConfiguration(isDisabled: false)),
            address: EndpointAddress(host: "127.0.0.1", port: 9080),
            configuration: InboundConfiguration(livenessPath: "/livez", readinessPath: "/readyz")
        )
    }

    @Test func `while it drains, a server is live and not ready, serves on, and asks connections to close`()
        async throws
    {
        try await serving(stack: stack) { _ in
            InboundResponse(body: .text("served"))
        } while: { server, address in
            try await LoopbackClient.connecting(to: address) { connection in
                try await connection.write("GET /readyz HTTP/1.1\r\nhost: h\r\n\r\n")
                #expect(try await connection.readResponse()?.body == "ready")
                server.drain.beginDraining()
                try await connection.write("GET / HTTP/1.1\r\nhost: h\r\n\r\n")
                let response = try await connection.readResponse()
                #expect(response?.body == "served")
                #expect(response?.head.contains("connection: close") == true)
                #expect(try await connection.readHead() == nil)
            }
            try await HTTP2LoopbackClient.connecting(to: address) { client in
                let live = try await client.send("/livez")
                #expect(live.status == 200)
                // GOAWAY: the connection ends by itself.
                try await client.channel.closeFuture.get()
            }
            let ready = try await HTTP2LoopbackClient.connecting(to: address) { try await $0.send("/readyz") }
            #expect(ready.status == 503 && ready.body == "draining")
        }
    }

    @Test func `a server that stops finishes what is under way and takes nothing new`() async throws {
        let (entered, leave) = (Recorder<Signal>(), Signal())
        let (first, second) = (Signal(), Signal())
        entered.append(first)
        try await serving(stack: stack) { request in
            (request.head.path == "/1" ? first : second).set()
            await leave.wait()
            return InboundResponse(body: .text("finished"))
        } while: { server, address in
            try await LoopbackClient.connecting(to: address) { idle in
                try await LoopbackClient.connecting(to: address) { busy in
                    try await busy.write("GET /1 HTTP/1.1\r\nhost: h\r\n\r\n")
                    try await HTTP2LoopbackClient.connecting(to: address) { client in
                        async let response = client.send("/2")
                        await first.wait()
                        await second.wait()
                        server.drain.beginStopping()
                        let end = try await idle.read(1)
                        #expect(end == nil)
                        await #expect(throws: (any Error).self) {
                            try await LoopbackClient.connecting(to: address) { late in
                                try await late.write("GET / HTTP/1.1\r\nhost: h\r\n\r\n")
                                guard try await late.readHead() != nil else { throw ChannelError.eof }
                            }
                        }
                        leave.set()
                        let bodies = [try await response.body, try await busy.readResponse()?.body]
                        #expect(bodies == ["finished", "finished"])
                        let next = try await busy.readHead()
                        #expect(next == nil)
                    }
                }
            }
        }
    }

    @Test func `what does not finish in time is cut off`() async throws {
        let entered = Signal()
        let configuration = MeshHTTPServer.Configuration(gracePeriod: .milliseconds(30))
        try await serving(configuration, stack: stack) { _ in
            entered.set()
            try await ServerCancellationIntegrationTests.untilCancelled()
        } while: { server, address in
            try await LoopbackClient.connecting(to: address) { connection in
                try await connection.write("GET / HTTP/1.1\r\nhost: h\r\n\r\n")
                await entered.wait()
                server.drain.beginStopping()
                #expect(try await connection.read(1) == nil)
            }
            try await server.drain.untilIdle()
        }
    }
}
