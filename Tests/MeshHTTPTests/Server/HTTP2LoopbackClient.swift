// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import NIOCore
import NIOHTTP1
import NIOHTTP2
import NIOPosix
import NIOSSL

/// A connection of HTTP/2 to a server, by prior knowledge or ALPN, over swift-nio-http2 itself.
struct HTTP2LoopbackClient: Sendable {
    typealias StreamChannel = NIOAsyncChannel<HTTPClientResponsePart, HTTPClientRequestPart>

    struct Response: Sendable {
        var status = 0
        var headers = HTTPHeaders()
        var body = ""
        var trailers: HTTPHeaders?
    }

    let channel: any Channel
    let streams: NIOHTTP2Handler.AsyncStreamMultiplexer<Void>

    static func connecting<Result>(
        to address: EndpointAddress,
        tls: TLSConfiguration? = nil,
        _ body: (HTTP2LoopbackClient) async throws -> Result
    ) async throws -> Result {
        let context = try tls.map { try NIOSSLContext(configuration: $0) }
        let (channel, streams) = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(host: address.host, port: Int(address.port ?? 0)) { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let context {
                        try channel.pipeline.syncOperations.addHandler(
                            NIOSSLClientHandler(context: context, serverHostname: "localhost")
                        )
                    }
                    let streams = try channel.pipeline.syncOperations.configureAsyncHTTP2Pipeline(
                        mode: .client,
                        configuration: .init()
                    ) { $0.eventLoop.makeSucceededVoidFuture() }
                    return (channel, streams)
                }
            }
        do {
            let result = try await body(HTTP2LoopbackClient(channel: channel, streams: streams))
            try? await channel.close().get()
            return result
        } catch {
            try? await channel.close().get()
            throw error
        }
    }

    /// Opens a stream.
    func stream<Result>(
        _ body: (
            StreamChannel, NIOAsyncChannelInboundStream<HTTPClientResponsePart>,
            NIOAsyncChannelOutboundWriter<HTTPClientRequestPart>
        ) async throws -> Result
    ) async throws -> Result {
        let stream = try await streams.openStream { channel in
            channel.eventLoop.makeCompletedFuture {
                try channel.pipeline.syncOperations.addHandler(
                    HTTP2FramePayloadToHTTP1ClientCodec(httpProtocol: .http)
                )
                return try StreamChannel(wrappingChannelSynchronously: channel)
            }
        }
        return try await stream.executeThenClose { try await body(stream, $0, $1) }
    }

    /// Sends a request and reads its response.
    func send(
        _ path: String,
        _ method: HTTPMethod = .GET,
        headers: HTTPHeaders = [:],
        body: String? = nil,
        trailers: HTTPHeaders? = nil
    ) async throws -> Response {
        try await stream { _, inbound, outbound in
            var headers = headers
            headers.replaceOrAdd(name: "host", value: "reviews")
            // Read from the start: an echo that nobody reads fills every buffer on its way, and then takes no more.
            async let response = Self.read(inbound)
            try await outbound.write(
                .head(HTTPRequestHead(version: .http2, method: method, uri: path, headers: headers))
            )
            if let body { try await outbound.write(.body(.byteBuffer(ByteBuffer(string: body)))) }
            try await outbound.write(.end(trailers))
            return try await response
        }
    }

    static func read(_ inbound: NIOAsyncChannelInboundStream<HTTPClientResponsePart>) async throws -> Response {
        var response = Response()
        for try await part in inbound {
            switch part {
            case .head(let head):
                response.status = Int(head.status.code)
                response.headers = head.headers
            case .body(let chunk): response.body += String(buffer: chunk)
            case .end(let trailers):
                response.trailers = trailers
                return response
            }
        }
        return response
    }
}
