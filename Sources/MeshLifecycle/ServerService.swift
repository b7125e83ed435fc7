// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshHTTP
public import ServiceLifecycle
import ServiceMesh

/// A `MeshHTTPServer` as a service: it finishes what is under way before it ends.
public struct ServerService: Service {
    private let server: MeshHTTPServer

    /// Makes a service of a server.
    public init(_ server: MeshHTTPServer) {
        self.server = server
    }

    /// Serves until the service is asked to shut down; then finishes what is under way, within the server's grace period.
    /// - Throws: `CancellationError`; the system's error if the address cannot be bound.
    public func run() async throws {
        try await withGracefulShutdownHandler {
            try await server.run()
        } onGracefulShutdown: {
            server.drain.beginStopping()
        }
    }
}
