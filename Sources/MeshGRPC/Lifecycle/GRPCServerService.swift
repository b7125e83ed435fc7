// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import GRPCCore
public import ServiceLifecycle

/// A server of grpc-swift as a service: at shutdown it finishes the RPCs under way before it ends.
///
/// ```swift
/// let group = ServiceGroup(
///     services: [MeshService(mesh), GRPCClientService(client), GRPCServerService(server), DrainService(stack.drain)],
///     gracefulShutdownSignals: [.sigterm],
///     logger: logger
/// )
/// ```
/// `DrainService` of `MeshLifecycle` takes the server's health off (`HealthService`) and lets callers know before the
/// server stops; clients that handlers call by stand before the server, so that they end after it.
public struct GRPCServerService<Transport: ServerTransport>: Service {
    private let server: GRPCServer<Transport>

    /// Makes a service of a server.
    public init(_ server: GRPCServer<Transport>) {
        self.server = server
    }

    /// Serves until the service is asked to shut down.
    /// - Throws: What `GRPCServer.serve` throws.
    public func run() async throws {
        // A server that was told to stop before it began cannot begin.
        guard !Task.isShuttingDownGracefully else { return }
        try await withGracefulShutdownHandler {
            try await server.serve()
        } onGracefulShutdown: {
            server.beginGracefulShutdown()
        }
    }
}
