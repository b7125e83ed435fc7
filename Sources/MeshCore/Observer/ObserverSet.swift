// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// Several observers as one; free of cost when there is none.
public struct ObserverSet: Sendable {
    /// The observers, in the order in which they are told.
    public let observers: [any Observer]

    /// Nobody listens.
    public static let none = ObserverSet([])

    /// Creates a set.
    public init(_ observers: [any Observer]) {
        self.observers = observers
    }

    /// Whether nobody listens, so that nothing needs to be recorded.
    public var isEmpty: Bool { observers.isEmpty }

    /// Tells every observer that a request enters the mesh.
    public func requestStarted(
        _ request: some RequestHead,
        direction: TrafficDirection,
        context: inout CallContext
    ) {
        for observer in observers {
            observer.requestStarted(request, direction: direction, context: &context)
        }
    }

    /// Tells every observer that an attempt is about to be sent.
    public func attemptStarted(_ context: inout CallContext, cluster: String) {
        for observer in observers { observer.attemptStarted(&context, cluster: cluster) }
    }

    /// Tells every observer that an attempt has ended.
    public func attemptFinished(_ record: AttemptRecord, context: CallContext) {
        for observer in observers { observer.attemptFinished(record, context: context) }
    }

    /// Tells every observer that a request has ended.
    public func requestFinished(_ record: RequestRecord, context: CallContext) {
        for observer in observers { observer.requestFinished(record, context: context) }
    }

    /// Tells every observer of an event.
    public func noticed(_ event: MeshEvent) {
        for observer in observers { observer.noticed(event) }
    }

    /// Tells every observer what happened to a connection.
    public func connectionChanged(_ event: ConnectionEvent, endpoint: Endpoint) {
        for observer in observers { observer.connectionChanged(event, endpoint: endpoint) }
    }

    /// Runs a handler inside what every observer wants bound around it; the first observer's binding is the outermost.
    public func whileHandling<Result>(
        _ context: CallContext,
        _ body: () async throws -> Result
    ) async throws -> Result {
        try await whileHandling(context, observers[...], body)
    }

    private func whileHandling<Result>(
        _ context: CallContext,
        _ rest: ArraySlice<any Observer>,
        _ body: () async throws -> Result
    ) async throws -> Result {
        guard let first = rest.first else { return try await body() }
        return try await first.whileHandling(context) {
            try await whileHandling(context, rest.dropFirst(), body)
        }
    }
}
