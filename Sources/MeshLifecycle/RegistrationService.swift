// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshHTTP
public import ServiceLifecycle
public import ServiceMesh

/// An instance's registration as a service: it tells the control plane when the instance drains, and takes it out of the
/// registry when the servers behind it in the group are gone.
public struct RegistrationService: Service {
    private let registration: InstanceRegistration
    private let drain: ServerDrain

    /// Makes a service of a registration.
    /// - Parameter drain: The way out of the instance's servers.
    public init(_ registration: InstanceRegistration, drain: ServerDrain) {
        self.registration = registration
        self.drain = drain
    }

    /// Keeps the instance registered until the service is asked to shut down.
    /// - Throws: `MeshError` with code `unauthorized` when the control plane refuses the token; `CancellationError`.
    public func run() async throws {
        try await endingGracefully { try await registration.run(drain: drain) }
    }
}
