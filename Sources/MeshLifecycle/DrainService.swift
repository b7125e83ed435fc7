// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore
public import ServiceLifecycle
public import ServiceMesh

/// The beginning of the end as a service: it stands last in the group, so that it hears of the shutdown first.
///
/// It takes readiness off and lets callers know, and holds up the end of the servers before it while they hear of it.
public struct DrainService: Service {
    private let drain: ServerDrain
    private let propagationDelay: Nanoseconds
    private let clock: any MeshClock

    /// Makes a service of a server's way out.
    /// - Parameters:
    ///   - drain: The way out, shared with the servers and the registration.
    ///   - propagationDelay: How long the servers serve on while callers learn that they should go elsewhere: the time of
    ///     a push through the control plane, or of a readiness probe. Default 5 s: Istio's
    ///     `terminationDrainDuration`.
    ///   - clock: The clock that the delay is measured by.
    public init(
        _ drain: ServerDrain,
        propagationDelay: Nanoseconds = .seconds(5),
        clock: any MeshClock = SystemClock()
    ) {
        self.drain = drain
        self.propagationDelay = propagationDelay
        self.clock = clock
    }

    /// Waits until the service is asked to shut down, begins to drain, and returns when word has spread.
    /// - Throws: `CancellationError` when cancelled.
    public func run() async throws {
        try await gracefulShutdown()
        drain.beginDraining()
        try await clock.sleep(until: clock.now.advanced(by: propagationDelay))
    }
}
