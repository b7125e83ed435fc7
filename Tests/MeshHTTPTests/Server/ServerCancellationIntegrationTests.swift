// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import HTTPTypes
import MeshConfig
import MeshCore
import MeshHTTP
import MeshTesting
import NIOCore
import NIOHTTP1
import ServiceMesh
import Testing

@Suite(.timeLimit(.minutes(5))) struct ServerCancellationIntegrationTests {
    private let observer = RecordingObserver()

    private func stack() throws -> InboundStack {
        let mesh = try Mesh(MeshConfiguration(observers: [observer], isDisabled: false))
        return InboundStack(mesh: mesh, address: EndpointAddress(host: "127.0.0.1", port: 9080))
    }

    /// Runs until its task is cancelled.
    static func untilCancelled() async throws -> Never {
        let (never, _) = AsyncStream.makeStream(of: Never.self)
        for await _ in never {}
        throw CancellationError()
    }

    @Test func `a deadline that passes cancels the handler, and its caller gets a 504 over HTTP/1 and 2`() async throws
    {
        let cancelled = Recorder<String>()
        let stack = try stack()
        try await serving(stack: stack) { request in
            do {
                try await Self.untilCancelled()
            } catch {
                cancelled.append(request.head.path ?? "")
                throw error
            }
        } while: { _, address in
            try await LoopbackClient.connecting(to: address) { connection in
                try await connection.write("GET /1 HTTP/1.1\r\nhost: h\r\nx-envoy-expected-rq-timeout-ms: 20\r\n\r\n")
                #expect(try await connection.readResponse()?.head.firstLine == "HTTP/1.1 504 Gateway Timeout")
                // The connection is good for the next request.
                try await connection.write("GET /1 HTTP/1.1\r\nhost: h\r\ngrpc-timeout: 20m\r\n\r\n")
                #expect(try await connection.readResponse()?.head.firstLine == "HTTP/1.1 504 Gateway Timeout")
            }
            let response = try await HTTP2LoopbackClient.connecting(to: address) {
                try await $0.send("/2", headers: ["grpc-timeout": "20000u"])
            }
            #expect(response.status == 504)
            try await stack.drain.untilIdle()
        }
        #expect(cancelled.all.sorted() == ["/1", "/1", "/2"])
        #expect(observer.requests.map(\.status) == [504, 504, 504])
        #expect(observer.requests.allSatisfy { $0.flags == [.durationTimeout] })
    }

    @Test func `a deadline that passes during the body ends the exchange and the handler behind it`() async throws {
        let cancelled = Signal()
        let stack = try stack()
        try await serving(stack: stack) { _ in
            InboundResponse(
                body: .written { writer in
                    try await writer.write(ByteBuffer(string: "half"))
                    do {
                        try await Self.untilCancelled()
                    } catch {
                        cancelled.set()
                        throw error
                    }
                }
            )
        } while: { _, address in
            try await LoopbackClient.connecting(to: address) { connection in
                try await connection.write("GET / HTTP/1.1\r\nhost: h\r\nx-envoy-expected-rq-timeout-ms: 1000\r\n\r\n")
                #expect(try await connection.readHead()?.firstLine == "HTTP/1.1 200 OK")
                #expect(try await connection.read(9) == "4\r\nhalf\r\n")
                #expect(try await connection.read(1) == nil)
            }
            await cancelled.wait()
            await #expect(throws: (any Error).self) {
                try await HTTP2LoopbackClient.connecting(to: address) {
                    try await $0.send("/", headers: ["x-envoy-expected-rq-timeout-ms": "1000"])
                }
            }
            try await stack.drain.untilIdle()
        }
        #expect(observer.requests.map(\.flags) == [[.durationTimeout], [.durationTimeout]])
    }

    @Test func `a client that closes its connection cancels the handler`() async throws {
        let (entered, cancelled) = (Signal(), Signal())
        let stack = try stack()
        try await serving(stack: stack) { _ in
            entered.set()
            do {
                try await Self.untilCancelled()
            } catch {
                cancelled.set()
                throw error
            }
        } while: { _, address in
            try await LoopbackClient.connecting(to: address) { connection in
                try await connection.write("GET / HTTP/1.1\r\nhost: h\r\n\r\n")
                await entered.wait()
            }
            await cancelled.wait()
            try await stack.drain.untilIdle()
        }
        #expect(observer.requests.map(\.flags) == [[.downstreamConnectionTermination]])
    }

    @Test func `a stream that is reset cancels its handler, and no other of its connection`() async throws {
        let (entered, cancelled, other) = (Signal(), Signal(), Signal())
        try await serving(stack: try stack()) { request in
            if request.head.path == "/other" {
                await other.wait()
                return InboundResponse(body: .text("other"))
            }
            entered.set()
            do {
                try await Self.untilCancelled()
            } catch {
                cancelled.set()
                throw error
            }
        } while: { _, address in
            try await HTTP2LoopbackClient.connecting(to: address) { client in
                async let response = client.send("/other")
                try await client.stream { stream, _, outbound in
                    try await outbound.write(
                        .head(HTTPRequestHead(version: .http2, method: .GET, uri: "/", headers: ["host": "h"]))
                    )
                    await entered.wait()
                    stream.channel.close(promise: nil)
                    await cancelled.wait()
                }
                other.set()
                let body = try await response.body
                #expect(body == "other")
            }
        }
    }

    @Test func `a body that nobody sends on is given up, and its caller told so`() async throws {
        try await serving(.init(stallTimeout: .milliseconds(30)), stack: try stack()) { request in
            InboundResponse(body: .text(try await request.text()))
        } while: { _, address in
            try await LoopbackClient.connecting(to: address) { connection in
                try await connection.write("PUT / HTTP/1.1\r\nhost: h\r\ncontent-length: 2\r\n\r\na")
                #expect(try await connection.readResponse()?.head.firstLine == "HTTP/1.1 408 Request Timeout")
            }
        }
    }

    @Test func `a caller that does not take the response is given up`() async throws {
        let failed = Recorder<MeshError.Code?>()
        let stack = try stack()
        try await serving(.init(stallTimeout: .milliseconds(30)), stack: stack) { _ in
            InboundResponse(
                body: .written { writer in
                    do {
                        while true { try await writer.write(ByteBuffer(repeating: 0, count: 1 << 20)) }
                    } catch {
                        failed.append((error as? MeshError)?.code)
                        throw error
                    }
                }
            )
        } while: { _, address in
            try await LoopbackClient.connecting(to: address) { connection in
                try await connection.write("GET / HTTP/1.1\r\nhost: h\r\n\r\n")
                #expect(try await connection.readHead()?.firstLine == "HTTP/1.1 200 OK")
                try await stack.drain.untilIdle()
            }
        }
        #expect(failed.all == [.cancelled])
    }
}
