// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import HTTPTypes
import MeshCore
import MeshHTTP
import NIOCore
import NIOPosix
import NIOSSL
import ServiceMesh

/// Runs a server on a port of the system's choice beside a body, and stops it behind.
func serving(
    _ configuration: MeshHTTPServer.Configuration = .init(),
    stack: InboundStack? = nil,
    _ handler: @escaping @Sendable (InboundRequest) async throws -> InboundResponse,
    while body: (MeshHTTPServer, EndpointAddress) async throws -> Void
) async throws {
    let server = MeshHTTPServer(configuration, stack: stack, handler: handler)
    let (addresses, listening) = AsyncStream.makeStream(of: EndpointAddress.self)
    try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
            defer { listening.finish() }
            try await server.run { listening.yield($0) }
        }
        for await address in addresses {
            do {
                try await body(server, address)
            } catch {
                group.cancelAll()
                throw error
            }
            server.drain.beginStopping()
        }
        try await group.next()
    }
}

/// Connects to a server and speaks bytes.
enum LoopbackClient {
    /// - Parameter tls: Secures the connection, if it is given.
    static func connecting<Result: Sendable>(
        to address: EndpointAddress,
        tls: TLSConfiguration? = nil,
        _ body: (LoopbackServer.Connection) async throws -> Result
    ) async throws -> Result {
        let (opened, sink) = AsyncStream<LoopbackServer.Connection.Inbox>.makeStream()
        let context = try tls.map { try NIOSSLContext(configuration: $0) }
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            // TLS has to read before anybody asks for bytes.
            .channelOption(.autoRead, value: tls != nil)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let context {
                        try channel.pipeline.syncOperations.addHandler(
                            NIOSSLClientHandler(context: context, serverHostname: "localhost")
                        )
                    }
                    try channel.pipeline.syncOperations.addHandler(
                        LoopbackServer.Connection.Receiver { sink.yield($0) }
                    )
                }
            }
            .connect(host: address.host, port: Int(address.port ?? 0)).get()
        var inboxes = opened.makeAsyncIterator()
        guard let inbox = await inboxes.next() else { throw ChannelError.ioOnClosedChannel }
        do {
            let result = try await body(LoopbackServer.Connection(channel, inbox))
            try? await channel.close().get()
            return result
        } catch {
            try? await channel.close().get()
            throw error
        }
    }
}

extension LoopbackServer.Connection {
    /// Reads a response with a length: its head and its body.
    func readResponse() async throws -> (head: String, body: String)? {
        guard let head = try await readHead() else { return nil }
        let lines = head.lowercased().split(separator: "\r\n")
        let length = lines.first { $0.hasPrefix("content-length: ") }.flatMap { Int($0.dropFirst(16)) }
        return (head, try await read(length ?? 0) ?? "")
    }
}

extension InboundRequest {
    /// Reads the body as text.
    func text() async throws -> String {
        String(buffer: try await body.collect(upTo: 1 << 20))
    }
}
