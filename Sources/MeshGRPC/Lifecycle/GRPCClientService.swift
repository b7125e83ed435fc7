// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import GRPCCore
public import ServiceLifecycle

/// A client of grpc-swift as a service: at shutdown it finishes the RPCs under way before it ends.
public struct GRPCClientService<Transport: ClientTransport>: Service {
    private let client: GRPCClient<Transport>

    /// Makes a service of a client.
    public init(_ client: GRPCClient<Transport>) {
        self.client = client
    }

    /// Runs the client's connections until the service is asked to shut down.
    /// - Throws: What `GRPCClient.runConnections` throws.
    public func run() async throws {
        guard !Task.isShuttingDownGracefully else { return }
        try await withGracefulShutdownHandler {
            try await client.runConnections()
        } onGracefulShutdown: {
            client.beginGracefulShutdown()
        }
    }
}
