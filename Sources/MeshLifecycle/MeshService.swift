// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import ServiceLifecycle
public import ServiceMesh

/// The mesh as a service: its configuration sources and the work behind the requests.
///
/// Services of a group start in their order and end in the reverse one. Each stands before those that need it:
/// ```swift
/// let drain = ServerDrain()
/// let group = ServiceGroup(
///     services: [
///         MeshService(mesh),                      // ends last: until then calls go out by its rules
///         TransportService(transport),            // connections to other services
///         RegistrationService(registration, drain: drain),  // tells of draining, deregisters when the server is gone
///         ServerService(server),                  // or Hummingbird's `Application`, which is a service itself
///         DrainService(drain),                    // hears of SIGTERM first
///     ],
///     gracefulShutdownSignals: [.sigterm],
///     logger: logger
/// )
/// try await group.run()
/// ```
/// On SIGTERM the drain begins: readiness is off, responses ask connections to close, the control plane tells callers to
/// go elsewhere, and the server serves on for the time that this takes to spread. Then the server finishes what it has
/// and closes, the instance is taken out of the registry, and what carried calls of handlers ends.
///
/// A group does not wait for readiness: await `mesh.ready(timeout:)` before the first request, or let readiness probes
/// keep traffic away. Give the group a `maximumGracefulShutdownDuration` where handlers may hang.
public struct MeshService: Service {
    private let mesh: Mesh

    /// Makes a service of a mesh.
    public init(_ mesh: Mesh) {
        self.mesh = mesh
    }

    /// Runs the mesh until the service is asked to shut down.
    /// - Throws: What a source throws for good; `CancellationError` when cancelled.
    public func run() async throws {
        try await endingGracefully { try await mesh.run() }
    }
}
