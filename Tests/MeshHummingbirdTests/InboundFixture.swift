// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Hummingbird
import HummingbirdCore
import HummingbirdHTTP2
import Logging
import MeshCore
import MeshHTTP
import MeshHummingbird
import MeshTesting
import NIOCore
import NIOHTTP1
import NIOHTTP2
import NIOPosix
import NIOSSL
import ServiceMesh
import Synchronization

/// Something that happens once, and that others wait for.
final class Signal: Sendable {
    private let happened = AsyncStream.makeStream(of: Void.self)

    func set() { happened.continuation.finish() }
    func wait() async { for await _ in happened.stream {} }
}

/// A list that several tasks write.
final class Recorder<Element: Sendable>: Sendable {
    private let elements = Mutex<[Element]>([])

    var all: [Element] { elements.withLock { $0 } }

    func append(_ element: Element) { elements.withLock { $0.append(element) } }
}

/// Runs until its task is cancelled.
func untilCancelled() async throws -> Never {
    let (never, _) = AsyncStream.makeStream(of: Never.self)
    for await _ in never {}
    throw CancellationError()
}

/// A Hummingbird application behind the mesh's middleware.
struct InboundFixture: Sendable {
    let observer = RecordingObserver()
    let drain = ServerDrain()
    var configuration = InboundConfiguration(livenessPath: "/livez", readinessPath: "/readyz")
    var server: HTTPServerBuilder = .http1()

    /// Serves routes on a port of the system's choice, beside a body.
    func serving(
        _ routes: (Router<BasicMeshRequestContext>) -> Void,
        while body: (EndpointAddress) async throws -> Void
    ) async throws {
        let mesh = try Mesh(MeshConfiguration(observers: [observer], isDisabled: false))
        let router = Router(context: BasicMeshRequestContext.self)
        router.add(
            middleware: MeshMiddleware(
                mesh: mesh,
                address: EndpointAddress(host: "127.0.0.1", port: 9080),
                configuration: configuration,
                drain: drain
            )
        )
        routes(router)
        let (ports, bound) = AsyncStream.makeStream(of: UInt16.self)
        let application = Application(
            router: router,
            server: server,
            configuration: .init(address: .hostname("127.0.0.1", port: 0)),
            onServerRunning: { channel in bound.yield(UInt16(channel.localAddress?.port ?? 0)) },
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await application.run() }
            for await port in ports {
                try await body(EndpointAddress(host: "127.0.0.1", port: port))
                break
            }
            group.cancelAll()
            while let result = await group.nextResult() { _ = result }
        }
    }
}

/// A connection to a server, for requests of HTTP/1.1.
func withConnection<Result>(
    to address: EndpointAddress,
    _ body: (
        inout NIOAsyncChannelInboundStream<HTTPClientResponsePart>.AsyncIterator,
        NIOAsyncChannelOutboundWriter<HTTPClientRequestPart>
    ) async throws -> Result
) async throws -> Result {
    let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
        .connect(host: address.host, port: Int(address.port ?? 0)) { channel in
            channel.eventLoop.makeCompletedFuture {
                try channel.pipeline.syncOperations.addHTTPClientHandlers()
                return try NIOAsyncChannel<HTTPClientResponsePart, HTTPClientRequestPart>(
                    wrappingChannelSynchronously: channel
                )
            }
        }
    return try await channel.executeThenClose { inbound, outbound in
        var iterator = inbound.makeAsyncIterator()
        return try await body(&iterator, outbound)
    }
}

/// A connection to a server, for streams of HTTP/2.
struct StreamConnection: Sendable {
    typealias Streams = NIOHTTP2Handler.AsyncStreamMultiplexer<Void>
    let channel: any Channel
    let streams: Streams

    /// - Parameter makeHandler: Makes the TLS handler, if there is TLS.
    static func connecting<Result>(
        to address: EndpointAddress,
        tls makeHandler: (@Sendable () throws -> NIOSSLClientHandler)? = nil,
        _ body: (StreamConnection) async throws -> Result
    ) async throws -> Result {
        let (channel, streams) = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(host: address.host, port: Int(address.port ?? 0)) { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let makeHandler { try channel.pipeline.syncOperations.addHandler(makeHandler()) }
                    let streams = try channel.pipeline.syncOperations.configureAsyncHTTP2Pipeline(
                        mode: .client,
                        configuration: .init()
                    ) { $0.eventLoop.makeSucceededVoidFuture() }
                    return (channel, streams)
                }
            }
        let result = try await body(StreamConnection(channel: channel, streams: streams))
        try? await channel.close().get()
        return result
    }

    /// Sends a request without a body.
    func get<Result>(
        _ path: String,
        _ headers: HTTPHeaders = [:],
        _ body: (
            inout NIOAsyncChannelInboundStream<HTTPClientResponsePart>.AsyncIterator, any Channel
        ) async throws -> Result
    ) async throws -> Result {
        let stream = try await streams.openStream { channel in
            channel.eventLoop.makeCompletedFuture {
                try channel.pipeline.syncOperations.addHandler(
                    HTTP2FramePayloadToHTTP1ClientCodec(httpProtocol: .http)
                )
                return try NIOAsyncChannel<HTTPClientResponsePart, HTTPClientRequestPart>(
                    wrappingChannelSynchronously: channel
                )
            }
        }
        return try await stream.executeThenClose { inbound, outbound in
            try await outbound.send("GET", path, headers)
            var iterator = inbound.makeAsyncIterator()
            return try await body(&iterator, stream.channel)
        }
    }
}

extension NIOAsyncChannelOutboundWriter<HTTPClientRequestPart> {
    func send(_ method: String, _ path: String, _ headers: HTTPHeaders = [:]) async throws {
        var headers = headers
        headers.add(name: "host", value: "reviews")
        try await write(
            .head(HTTPRequestHead(version: .http1_1, method: .init(rawValue: method), uri: path, headers: headers))
        )
        try await write(.end(nil))
    }
}

extension NIOAsyncChannelInboundStream<HTTPClientResponsePart>.AsyncIterator {
    /// The next response; `nil` if the connection ends before it does.
    mutating func response() async throws -> (status: UInt, headers: HTTPHeaders, body: String)? {
        var (status, headers, text) = (UInt(0), HTTPHeaders(), "")
        while let part = try await next(isolation: #isolation) {
            switch part {
            case .head(let head): (status, headers) = (head.status.code, head.headers)
            case .body(let chunk): text += String(buffer: chunk)
            case .end: return (status, headers, text)
            }
        }
        return nil
    }
}
