// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import HTTPTypes
import MeshCore
import MeshTesting
import NIOCore
import NIOEmbedded
import NIOHPACK
import NIOHTTP2
import Synchronization
import Testing

@testable import MeshHTTP

/// A connection of HTTP/2 without a network: its peer writes frames by hand, and time is virtual.
final class HTTP2Bench {
    let clock = ManualClock()
    let owner: ConnectionBench.Owner
    let client = EmbeddedChannel()
    let server = EmbeddedChannel()
    let driver: HTTP2ConnectionDriver

    init(
        options: ConnectionOptions = ConnectionOptions(httpVersion: .http2),
        settings: HTTP2Settings = [HTTP2Setting(parameter: .maxConcurrentStreams, value: 3)],
        greets: Bool = true,
        _ configure: (inout HTTPTransport.Configuration) -> Void = { _ in }
    ) throws {
        var configuration = HTTPTransport.Configuration(clock: clock)
        configure(&configuration)
        owner = ConnectionBench.Owner(
            Endpoint(address: EndpointAddress(host: "127.0.0.1", port: 1), connection: options)
        )
        let address = try SocketAddress(ipAddress: "127.0.0.1", port: 1)
        try client.connect(to: address).wait()
        driver = try client.pipeline.syncOperations.addHTTP2(configuration, options, isSecured: false)
        // What a peer must not do can only be shown by one that does not check itself.
        try server.pipeline.syncOperations.addHandler(
            NIOHTTP2Handler(
                mode: .server,
                initialSettings: settings,
                headerBlockValidation: .disabled,
                contentLengthValidation: .disabled
            )
        )
        driver.activate(for: owner, as: 1, dialedAt: clock.now)
        if greets {
            try server.connect(to: address).wait()
            try pass()
        }
    }

    var events: [ConnectionBench.Owner.Event] { owner.events.all }

    /// Carries bytes both ways until there are no more.
    func pass() throws {
        var isQuiet = false
        while !isQuiet {
            isQuiet = true
            client.embeddedEventLoop.run()
            server.embeddedEventLoop.run()
            while let bytes = try client.readOutbound(as: IOData.self) {
                isQuiet = false
                // What the peer's own implementation thinks of it is not asked.
                if case .byteBuffer(let bytes) = bytes { _ = try? server.writeInbound(bytes) }
            }
            var batch = ByteBuffer()
            while let bytes = try server.readOutbound(as: IOData.self) {
                if case .byteBuffer(var bytes) = bytes { batch.writeBuffer(&bytes) }
            }
            if batch.readableBytes > 0 {
                isQuiet = false
                _ = try? client.writeInbound(batch)
            }
        }
    }

    // MARK: The client

    func makeExchange(
        _ request: OutboundRequest = .get("/"),
        timeout: Nanoseconds? = nil,
        attemptTimeout: Nanoseconds? = nil,
        highWatermark: Int = 64 * 1024
    ) throws -> Exchange {
        let now = clock.now
        var context = CallContext(now: now, deadline: timeout.map { Deadline($0, after: now) } ?? .never)
        if let attemptTimeout { context.attemptDeadline = Deadline(attemptTimeout, after: now) }
        context.endpoint = owner.endpoint
        return Exchange(
            try WireRequest(
                request,
                trace: context.trace,
                deadline: context.headDeadline,
                endpoint: owner.endpoint,
                now: now
            ),
            to: owner.endpoint,
            deadline: context.deadline,
            headDeadline: context.headDeadline,
            loop: nil,
            highWatermark: highWatermark
        )
    }

    func start(
        _ request: OutboundRequest = .get("/"),
        timeout: Nanoseconds? = nil,
        attemptTimeout: Nanoseconds? = nil,
        highWatermark: Int = 64 * 1024
    ) throws -> Exchange {
        let exchange = try makeExchange(
            request,
            timeout: timeout,
            attemptTimeout: attemptTimeout,
            highWatermark: highWatermark
        )
        driver.start(exchange, resubmittingTo: owner)
        try pass()
        return exchange
    }

    func failure(of exchange: Exchange) -> MeshError? { exchange.failure as? MeshError }

    /// Lets time pass, for deadlines and for the loop.
    func advance(by span: Nanoseconds) throws {
        clock.advance(by: span)
        client.embeddedEventLoop.advanceTime(by: TimeAmount(span))
        try pass()
    }

    // MARK: The server

    /// The frames that the server has got since the last call, but for those that keep the connection going.
    func received() throws -> [HTTP2Frame] {
        var frames: [HTTP2Frame] = []
        while let frame = try server.readInbound(as: HTTP2Frame.self) {
            switch frame.payload {
            case .settings, .priority: break
            case .windowUpdate where frame.streamID == .rootStream: break
            default: frames.append(frame)
            }
        }
        return frames
    }

    /// The server writes frames that arrive as one read.
    func send(_ frames: (Int32, HTTP2Frame.FramePayload)...) throws {
        for (stream, payload) in frames {
            server.write(HTTP2Frame(streamID: HTTP2StreamID(stream), payload: payload), promise: nil)
        }
        server.flush()
        try pass()
    }

    /// The server's bytes, whatever its own implementation would say to them.
    func send(raw bytes: [UInt8]) throws {
        _ = try? client.writeInbound(ByteBuffer(bytes: bytes))
        try pass()
    }
}

extension HTTP2Frame.FramePayload {
    static func head(
        _ status: String,
        _ fields: [(String, String)] = [],
        isEnd: Bool = false
    ) -> HTTP2Frame.FramePayload {
        .headers(.init(headers: HPACKHeaders([(":status", status)] + fields), endStream: isEnd))
    }

    static func trailers(_ fields: [(String, String)]) -> HTTP2Frame.FramePayload {
        .headers(.init(headers: HPACKHeaders(fields), endStream: true))
    }

    static func body(_ text: String, isEnd: Bool = false) -> HTTP2Frame.FramePayload {
        .data(.init(data: .byteBuffer(ByteBuffer(string: text)), endStream: isEnd))
    }

    /// One word for what a test wants to see.
    var summary: String {
        switch self {
        case .headers(let headers):
            let pseudo = headers.headers.filter { $0.name.hasPrefix(":") }.map(\.value).joined(separator: " ")
            return "headers \(pseudo)\(headers.endStream ? " end" : "")"
        case .data(let data): return "data \(data.data.readableBytes)\(data.endStream ? " end" : "")"
        case .rstStream(let code): return "reset \(code.name)"
        case .goAway: return "goaway"
        case .ping(_, let isAnswer): return isAnswer ? "pong" : "ping"
        case .windowUpdate(let increment): return "window \(increment)"
        default: return "other"
        }
    }
}
