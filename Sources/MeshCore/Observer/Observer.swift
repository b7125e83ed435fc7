// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// Hears what happens in the mesh: the one seam for logs, metrics and traces.
///
/// Implementations return quickly and never throw; they are called on the request path, from any thread, outside every
/// lock of the mesh. Every method has a default that does nothing. `MeshObservability` bridges to swift-log,
/// swift-metrics and swift-distributed-tracing; `RecordingObserver` of `MeshTesting` keeps what it hears.
public protocol Observer: Sendable {
    /// A request enters the mesh. The observer may keep something in `context.observation` and set `context.trace`.
    func requestStarted<Request: RequestHead>(
        _ request: Request,
        direction: TrafficDirection,
        context: inout CallContext
    )
    /// An attempt is about to be sent. The observer may set `context.trace`, which goes on the wire.
    func attemptStarted(_ context: inout CallContext, cluster: String)
    /// An attempt has ended.
    func attemptFinished(_ record: AttemptRecord, context: CallContext)
    /// A request has ended: its body was read, or it failed.
    func requestFinished(_ record: RequestRecord, context: CallContext)
    /// Runs an application's handler inside what the observer wants bound around it.
    func whileHandling<Result>(
        _ context: CallContext,
        _ body: () async throws -> Result
    ) async throws -> Result
    /// Something happened that is not about one request.
    func noticed(_ event: MeshEvent)
    /// Something happened to a connection to an endpoint, or to a request that waits for one.
    func connectionChanged(_ event: ConnectionEvent, endpoint: Endpoint)
}

extension Observer {
    /// Does nothing, or just calls `body`.
    public func requestStarted<Request: RequestHead>(
        _ request: Request,
        direction: TrafficDirection,
        context: inout CallContext
    ) {}
    /// Does nothing, or just calls `body`.
    public func attemptStarted(_ context: inout CallContext, cluster: String) {}
    /// Does nothing, or just calls `body`.
    public func attemptFinished(_ record: AttemptRecord, context: CallContext) {}
    /// Does nothing, or just calls `body`.
    public func requestFinished(_ record: RequestRecord, context: CallContext) {}
    /// Does nothing, or just calls `body`.
    public func whileHandling<Result>(
        _ context: CallContext,
        _ body: () async throws -> Result
    ) async throws -> Result {
        try await body()
    }
    /// Does nothing, or just calls `body`.
    public func noticed(_ event: MeshEvent) {}
    /// Does nothing, or just calls `body`.
    public func connectionChanged(_ event: ConnectionEvent, endpoint: Endpoint) {}
}

/// Which way a request goes, seen from this process.
public enum TrafficDirection: String, Hashable, Sendable {
    /// This process serves it.
    case inbound
    /// This process makes it.
    case outbound
}
