// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshHTTP
public import ServiceLifecycle

/// The end of a transport as a service: its connections close when everything that calls through it is gone.
public struct TransportService: Service {
    private let transport: HTTPTransport
    private let gracePeriod: Duration

    /// Makes a service of a transport.
    /// - Parameter gracePeriod: How long exchanges under way may take to end. Default 5 s, as `HTTPTransport.shutdown`.
    public init(_ transport: HTTPTransport, gracePeriod: Duration = .seconds(5)) {
        self.transport = transport
        self.gracePeriod = gracePeriod
    }

    /// Waits until the service is asked to shut down or the task is cancelled, and shuts the transport down.
    public func run() async throws {
        do {
            try await gracefulShutdown()
            await transport.shutdown(gracePeriod: gracePeriod)
        } catch {
            await transport.shutdown(gracePeriod: .zero)
            throw error
        }
    }
}
