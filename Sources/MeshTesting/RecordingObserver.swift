// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore
import Synchronization

/// An observer that keeps everything it hears.
public final class RecordingObserver: Observer {
    /// What happened to a connection, and to which endpoint it leads.
    public struct ConnectionChange: Sendable {
        /// What happened.
        public var event: ConnectionEvent
        /// The endpoint.
        public var endpoint: Endpoint
    }

    private struct Heard {
        var started: [TrafficDirection] = []
        var requests: [RequestRecord] = []
        var attempts: [AttemptRecord] = []
        var events: [MeshEvent] = []
        var connections: [ConnectionChange] = []
    }

    private let heard = Mutex(Heard())

    /// Creates an observer that has heard nothing.
    public init() {}

    /// The directions of the requests that entered, in order.
    public var started: [TrafficDirection] { heard.withLock { $0.started } }
    /// The requests that have ended, in order.
    public var requests: [RequestRecord] { heard.withLock { $0.requests } }
    /// The attempts that have ended, in order.
    public var attempts: [AttemptRecord] { heard.withLock { $0.attempts } }
    /// The events, in order.
    public var events: [MeshEvent] { heard.withLock { $0.events } }
    /// What policies did or would have done, in order: the recording twin of each of them.
    public var decisions: [PolicyDecision] {
        events.compactMap { if case .policyActed(let decision) = $0 { decision } else { nil } }
    }
    /// What happened to connections, in order.
    public var connections: [ConnectionChange] { heard.withLock { $0.connections } }

    /// Keeps the direction.
    public func requestStarted<Request: RequestHead>(
        _ request: Request,
        direction: TrafficDirection,
        context: inout CallContext
    ) {
        heard.withLock { $0.started.append(direction) }
    }

    /// Keeps the record.
    public func attemptFinished(_ record: AttemptRecord, context: CallContext) {
        heard.withLock { $0.attempts.append(record) }
    }

    /// Keeps the record.
    public func requestFinished(_ record: RequestRecord, context: CallContext) {
        heard.withLock { $0.requests.append(record) }
    }

    /// Keeps the event.
    public func noticed(_ event: MeshEvent) {
        heard.withLock { $0.events.append(event) }
    }

    /// Keeps what happened.
    public func connectionChanged(_ event: ConnectionEvent, endpoint: Endpoint) {
        heard.withLock { $0.connections.append(ConnectionChange(event: event, endpoint: endpoint)) }
    }
}
