// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshHTTP
import MeshResilience
import MeshTesting
import NIOCore
import NIOHTTP1
import NIOPosix
import ServiceMesh
import Testing

@Suite(.timeLimit(.minutes(5))) struct InboundGateIntegrationTests {
    /// A server as people write it on SwiftNIO: it answers with the body and the trace that it got.
    private final class Echo: ChannelInboundHandler {
        typealias InboundIn = HTTPServerRequestPart
        typealias OutboundOut = HTTPServerResponsePart

        private let cancelled: Recorder<String>
        private let entered: Signal
        private let stopped: Signal
        private var body = ""
        private var admitted: InboundContext?
        private var path = ""

        init(_ cancelled: Recorder<String>, _ entered: Signal, _ stopped: Signal) {
            self.cancelled = cancelled
            self.entered = entered
            self.stopped = stopped
        }

        func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
            switch event {
            case let event as InboundGate.Admitted: admitted = event.context
            case let event as InboundGate.Cancelled:
                cancelled.append("\(event.error.code) \(path)")
                stopped.set()
            default: context.fireUserInboundEventTriggered(event)
            }
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            switch unwrapInboundIn(data) {
            case .head(let head):
                path = head.uri
                body = ""
            case .body(let chunk): body += String(buffer: chunk)
            case .end:
                guard path != "/slow" else { return entered.set() }
                let text = "\(path) \(body) \(admitted?.trace.isValid == true)"
                let head = HTTPResponseHead(
                    version: .http1_1,
                    status: .ok,
                    headers: ["content-length": "\(text.utf8.count)"]
                )
                context.write(wrapOutboundOut(.head(head)), promise: nil)
                context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: text)))), promise: nil)
                context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
            }
        }
    }

    private let observer = RecordingObserver()
    private let cancelled = Recorder<String>()
    /// A request has come that is not answered.
    private let entered = Signal()
    /// A handler has been told to stop.
    private let stopped = Signal()

    private func serving(
        _ configuration: InboundConfiguration = InboundConfiguration(readinessPath: "/readyz"),
        filters: [HTTPFilter] = [],
        clock: any MeshClock = SystemClock(),
        _ body: (EndpointAddress, InboundStack) async throws -> Void
    ) async throws {
        let address = EndpointAddress(host: "127.0.0.1", port: 9080)
        let mesh = try Mesh(MeshConfiguration(observers: [observer], isDisabled: false), clock: clock)
        let listener = Listener(
            name: "inbound",
            direction: .inbound(address: address, security: .plaintext),
            filters: filters,
            routes: .inline(RouteConfiguration(name: "r", virtualHosts: []))
        )
        try mesh.apply(MeshResources(listeners: [listener]))
        let stack = InboundStack(mesh: mesh, address: address, configuration: configuration)
        let executors = EventLoopExecutors(MultiThreadedEventLoopGroup.singleton)
        let server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { [cancelled, entered, stopped] channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    try channel.pipeline.syncOperations.addHandlers(
                        InboundGate(stack, executors: executors),
                        Echo(cancelled, entered, stopped)
                    )
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        defer { server.close(promise: nil) }
        let port = try #require(server.localAddress?.port.flatMap { UInt16(exactly: $0) })
        try await body(EndpointAddress(host: "127.0.0.1", port: port), stack)
    }

    @Test func `requests pass once they are admitted, with their context, and their records end with the response`()
        async throws
    {
        try await serving { address, stack in
            try await LoopbackClient.connecting(to: address) { connection in
                try await connection.write(
                    "POST /1 HTTP/1.1\r\nhost: h\r\ncontent-length: 2\r\n\r\nabGET /2 HTTP/1.1\r\nhost: h\r\n\r\n"
                )
                #expect(try await connection.readResponse()?.body == "/1 ab true")
                #expect(try await connection.readResponse()?.body == "/2  true")
                try await connection.write("GET /readyz HTTP/1.1\r\nhost: h\r\n\r\nGET /3 HTTP/1.1\r\nhost: h\r\n\r\n")
                #expect(try await connection.readResponse()?.body == "ready")
                #expect(try await connection.readResponse()?.body == "/3  true")
            }
            try await stack.drain.untilIdle()
        }
        #expect(observer.requests.map(\.path) == ["/1", "/2", "/3"])
        #expect(observer.requests.allSatisfy { $0.status == 200 && $0.error == nil })
    }

    @Test func `what is refused is answered here, and the connection goes on`() async throws {
        let limit = RateLimitConfiguration(maximumTokens: 1, tokensPerFill: 1, fillInterval: .seconds(3600))
        try await serving(filters: [.rateLimit(limit)]) { address, stack in
            try await LoopbackClient.connecting(to: address) { connection in
                let request = "POST /1 HTTP/1.1\r\nhost: h\r\ncontent-length: 2\r\n\r\nab"
                try await connection.write(request)
                #expect(try await connection.readResponse()?.head.firstLine == "HTTP/1.1 200 OK")
                try await connection.write(request + request)
                for _ in 0..<2 {
                    #expect(try await connection.readResponse()?.head.firstLine == "HTTP/1.1 429 Too Many Requests")
                }
            }
            try await stack.drain.untilIdle()
        }
        #expect(observer.requests.map(\.status) == [200, 429, 429])
    }

    @Test func `a deadline that passes is a 504, and tells the handler to stop`() async throws {
        // The mesh's clock stands still, so that the time is never over before the handler has the request; the alarm
        // that ends the call is the event loop's.
        try await serving(clock: ManualClock()) { address, stack in
            try await LoopbackClient.connecting(to: address) { connection in
                try await connection.write("GET /slow HTTP/1.1\r\nhost: h\r\ngrpc-timeout: 20m\r\n\r\n")
                let response = try await connection.readResponse()
                #expect(response?.head.firstLine == "HTTP/1.1 504 Gateway Timeout")
                #expect(try await connection.readHead() == nil)
            }
            // The caller may have the answer before the handler has the event.
            await stopped.wait()
            try await stack.drain.untilIdle()
        }
        #expect(cancelled.all == ["deadlineExceeded /slow"])
        #expect(observer.requests.map(\.flags) == [[.durationTimeout]])
    }

    @Test func `a caller that leaves ends the record`() async throws {
        try await serving { address, stack in
            try await LoopbackClient.connecting(to: address) { connection in
                try await connection.write("GET /slow HTTP/1.1\r\nhost: h\r\n\r\n")
                await entered.wait()
            }
            try await stack.drain.untilIdle()
        }
        #expect(observer.requests.map(\.flags) == [[.downstreamConnectionTermination]])
    }

    @Test func `while the server drains, answers ask the connection to close`() async throws {
        try await serving { address, stack in
            stack.drain.beginDraining()
            try await LoopbackClient.connecting(to: address) { connection in
                try await connection.write("GET /1 HTTP/1.1\r\nhost: h\r\n\r\n")
                #expect(try await connection.readResponse()?.head.contains("connection: close") == true)
            }
        }
    }
}
