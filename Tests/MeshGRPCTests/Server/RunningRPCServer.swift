// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import GRPCCore
import GRPCNIOTransportHTTP2
import HTTPTypes
import MeshCore
import MeshGRPC
import MeshHTTP
import NIOCore
import ServiceMesh

/// Runs a server on a port of the system's choice beside a body, and stops it behind.
func withRPCServer(
    _ services: [any RegistrableRPCService],
    _ configuration: MeshServerTransport.Configuration = .init(),
    stack: InboundStack? = nil,
    load: LoadRecorder? = nil,
    interceptors: [any ServerInterceptor] = [],
    peerIdentity: (@Sendable (any Channel) async -> String?)? = nil,
    servingModeChanged: @escaping @Sendable (ServingMode) -> Void = { _ in },
    while body: @Sendable (MeshServerTransport, EndpointAddress) async throws -> Void
) async throws {
    let transport = MeshServerTransport(
        configuration,
        stack: stack,
        load: load,
        peerIdentity: peerIdentity,
        servingModeChanged: servingModeChanged
    )
    try await withGRPCServer(transport: transport, services: services, interceptors: interceptors) { server in
        try await body(server.transport, try await server.transport.listeningAddress)
    }
}

/// Calls a server by grpc-swift's own transport, which knows nothing of this one.
func withPlainRPCClient<Result: Sendable>(
    to address: EndpointAddress,
    compression: CompressionAlgorithm = .none,
    _ body: @Sendable (GRPCClient<HTTP2ClientTransport.Posix>) async throws -> Result
) async throws -> Result {
    try await withGRPCClient(
        transport: .http2NIOPosix(
            target: .ipv4(address: address.host, port: Int(address.port ?? 0)),
            transportSecurity: .plaintext,
            config: .defaults { config in
                config.compression.algorithm = compression
                config.compression.enabledAlgorithms = .all
            }
        )
    ) { try await body($0) }
}

/// A request as it stands on the wire, and what came back.
struct RawCall {
    var path = "/test.Echo/Unary"
    var method = HTTPRequest.Method.post
    var fields: HTTPFields = [.contentType: "application/grpc", .te: "trailers"]
    var body: [UInt8] = []
    var options = ConnectionOptions(httpVersion: .http2)

    /// A message with its prefix.
    static func message(_ text: String, flag: UInt8 = 0) -> [UInt8] {
        [flag, 0, 0, 0, UInt8(text.utf8.count)] + Array(text.utf8)
    }

    struct Answer: Sendable {
        var status: Int
        var head: HTTPFields
        var body: [UInt8]
        var trailers: HTTPFields?

        /// gRPC's status, in the head of an answer without body or in its trailers.
        var rpcStatus: String? { trailers?[.grpcStatus] ?? head[.grpcStatus] }
        var rpcMessage: String? { trailers?[.grpcMessage] ?? head[.grpcMessage] }
        /// Whether all of it is a head.
        var isTrailersOnly: Bool { body.isEmpty && head[.grpcStatus] != nil }
    }

    func send(to address: EndpointAddress) async throws -> Answer {
        try await withHTTPTransport(.init()) { transport in
            let head = HTTPRequest(
                method: method,
                scheme: "http",
                authority: "echo.test",
                path: path,
                headerFields: fields
            )
            var context = CallContext(now: transport.configuration.clock.now, deadline: .never)
            context.endpoint = Endpoint(address: address, connection: options)
            let request = OutboundRequest(head, body: .bytes(ByteBuffer(bytes: body)))
            return try await transport.withResponse(to: request, context: &context) { response in
                let bytes = try await response.body.collect(upTo: 1 << 24)
                return Answer(
                    status: response.statusCode,
                    head: response.head.headerFields,
                    body: Array(bytes.readableBytesView),
                    trailers: response.trailers
                )
            }
        }
    }
}
