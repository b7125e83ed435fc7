// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import NIOCore
import NIOPosix
import Testing

/// A server on the loopback interface whose connections run a script.
enum LoopbackServer {
    /// Serves while `body` runs.
    /// - Parameters:
    ///   - serve: Runs once for each connection, numbered from 0; its return closes the connection.
    ///   - body: Gets the endpoint of the server.
    static func serving<Result: Sendable>(
        _ serve: @escaping @Sendable (Connection, Int) async throws -> Void,
        while body: (Endpoint) async throws -> Result
    ) async throws -> Result {
        let (accepted, sink) = AsyncStream<(any Channel, Connection.Inbox)>.makeStream()
        let server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            // A connection reads when its script does, so that a script can make the client wait.
            .childChannelOption(.autoRead, value: false)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(
                        Connection.Receiver { inbox in sink.yield((channel, inbox)) }
                    )
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let port = try #require(server.localAddress?.port.flatMap { UInt16(exactly: $0) })
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                await withTaskGroup(of: Void.self) { connections in
                    var number = 0
                    for await (channel, inbox) in accepted {
                        let current = number
                        number += 1
                        connections.addTask {
                            // A script that fails closes its connection, which the client's side sees.
                            try? await serve(Connection(channel, inbox), current)
                            try? await channel.close().get()
                        }
                    }
                    connections.cancelAll()
                }
            }
            defer {
                server.close(promise: nil)
                group.cancelAll()
            }
            return try await body(Endpoint(address: EndpointAddress(host: "127.0.0.1", port: port)))
        }
    }
}
