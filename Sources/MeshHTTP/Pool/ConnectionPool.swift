// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import NIOCore
import Synchronization

/// The thin driver of the connections to one endpoint.
final class ConnectionPool: ConnectionOwner {
    private struct State {
        var machine: ConnectionPoolStateMachine
        var endpoint: Endpoint
        var connections: [Int: HTTP1Connection] = [:]
        var waiting: [UInt64: Exchange] = [:]

        /// The exchange that an action concerns, taken out of the queue.
        mutating func follow(
            _ action: ConnectionPoolStateMachine.ConnectionAction
        ) -> (ConnectionPoolStateMachine.ConnectionAction, Exchange?) {
            guard case .start(let request) = action else { return (action, nil) }
            return (action, waiting.removeValue(forKey: request))
        }
    }

    let key: EndpointKey
    private let registry: PoolRegistry
    private let state: Mutex<State>
    private let nextRequest = Atomic<UInt64>(0)

    init(_ endpoint: Endpoint, registry: PoolRegistry) {
        self.key = EndpointKey(endpoint)
        self.registry = registry
        self.state = Mutex(
            State(machine: ConnectionPoolStateMachine(loops: registry.executors.loops.count), endpoint: endpoint)
        )
    }

    var connectTimeout: Nanoseconds { state.withLock { $0.endpoint.connectTimeout } }

    /// How many connections and requests there are.
    var statistics: HTTPTransport.Statistics {
        state.withLock { state in
            var statistics = HTTPTransport.Statistics()
            statistics.endpoints = 1
            statistics.connections = state.machine.connections.count
            statistics.idleConnections = state.machine.idleCount
            statistics.pendingRequests = state.machine.pending.count
            return statistics
        }
    }

    // MARK: Requests

    /// Gives a request a connection, or a place in the queue.
    /// - Returns: Whether the pool took it; a retired pool does not.
    func submit(_ exchange: Exchange) -> Bool {
        let id = nextRequest.wrappingAdd(1, ordering: .relaxed).newValue
        exchange.entered(self, as: id)
        let (action, connection) = state.withLock { state in
            state.endpoint = exchange.endpoint
            let action = state.machine.requestArrived(
                id,
                loop: exchange.loop,
                deadline: exchange.headDeadline,
                endpoint: exchange.endpoint
            )
            switch action {
            case .wait: state.waiting[id] = exchange
            case .start(let connection): return (action, state.connections[connection])
            case .overflow, .shutDown, .retired: break
            }
            return (action, nil)
        }
        switch action {
        case .start: start(exchange, on: connection)
        case .wait(let dial, let alarm):
            if let dial { self.dial(dial) }
            if let alarm { setAlarm(at: alarm) }
            // It may have been cancelled before it was in the queue, where its withdrawal did not find it.
            if !exchange.isOpen { withdraw(id) }
        case .overflow:
            exchange.fail(.overflow, origin: .local, message: "too many requests wait for a connection")
            retireIfEmpty()
        case .shutDown: exchange.fail(.cancelled, origin: .local, message: "the transport is shut down")
        case .retired: return false
        }
        return true
    }

    /// Another try for a request whose connection was gone before a byte was written.
    func resubmit(_ exchange: Exchange) {
        // One that was given up on its way needs no connection, and no place among those that wait for one.
        guard exchange.isOpen else { return }
        registry.submit(exchange)
    }

    /// A request that waits does so no more.
    func withdraw(_ id: UInt64) {
        state.withLock { state in
            guard state.machine.requestWithdrawn(id) else { return }
            state.waiting[id] = nil
        }
        retireIfEmpty()
    }

    private func start(_ exchange: Exchange, on connection: HTTP1Connection?) {
        guard let connection else { return resubmit(exchange) }
        connection.start(exchange, resubmittingTo: self)
    }

    // MARK: Connections

    func connectionReady(_ connection: HTTP1Connection) {
        let (action, exchange) = state.withLock { state in
            state.connections[connection.id] = connection
            return state.follow(state.machine.connectionReady(connection.id))
        }
        perform(action, exchange, connection)
    }

    func connectionReleased(_ connection: HTTP1Connection) {
        let (action, exchange) = state.withLock { state in
            state.follow(state.machine.connectionReleased(connection.id))
        }
        perform(action, exchange, connection)
    }

    private func perform(
        _ action: ConnectionPoolStateMachine.ConnectionAction,
        _ exchange: Exchange?,
        _ connection: HTTP1Connection
    ) {
        switch action {
        case .park: break
        case .start: if let exchange { start(exchange, on: connection) }
        case .close: connection.perform { $0.closeIfIdle() }
        }
    }

    func connectFailed(_ id: Int, cause: any Error) {
        let (failed, started, connection, dial) = state.withLock { state in
            let action = state.machine.connectFailed(id)
            return (
                action.fail.compactMap { state.waiting.removeValue(forKey: $0) },
                action.start.flatMap { state.waiting.removeValue(forKey: $0) },
                action.connection.flatMap { state.connections[$0] },
                action.dial
            )
        }
        if let started { start(started, on: connection) }
        if let dial { self.dial(dial) }
        let isLocal = cause is ClientTLS.NotConfigured
        for exchange in failed {
            exchange.fail(
                .connectionFailed,
                origin: isLocal ? .local : .upstream,
                message: isLocal ? "\(cause)" : "no connection to \(key.address)",
                cause: isLocal ? nil : cause
            )
        }
        retireIfEmpty()
    }

    func connectionClosed(_ connection: HTTP1Connection) {
        let dial = state.withLock { state in
            state.connections[connection.id] = nil
            return state.machine.connectionClosed(connection.id)
        }
        if let dial { self.dial(dial) }
        retireIfEmpty()
    }

    /// - Returns: Whether the connection, which was idle for too long, is to be closed.
    func idleTimedOut(_ connection: HTTP1Connection) -> Bool {
        state.withLock { $0.machine.idleTimedOut(connection.id) }
    }

    private func dial(_ dial: ConnectionPoolStateMachine.Dial) {
        let endpoint = state.withLock { $0.endpoint }
        registry.dialer.dial(endpoint, on: registry.executors.loops[dial.loop], for: self, as: dial.connection)
    }

    // MARK: The pool as a whole

    /// Connections that were made until now take no more requests.
    func condemnConnections() {
        let idle = state.withLock { state in
            state.machine.condemnConnections().compactMap { state.connections[$0] }
        }
        for connection in idle { connection.perform { $0.closeIfIdle() } }
    }

    func shutDown() {
        let (idle, waiting) = state.withLock { state in
            let action = state.machine.shutDown()
            return (
                action.close.compactMap { state.connections[$0] },
                action.fail.compactMap { state.waiting.removeValue(forKey: $0) }
            )
        }
        for connection in idle { connection.perform { $0.closeIfIdle() } }
        for exchange in waiting {
            exchange.fail(.cancelled, origin: .local, message: "the transport was shut down")
        }
        retireIfEmpty()
    }

    /// Ends every exchange and every connection.
    func closeAll() {
        let connections = state.withLock { state in
            state.machine.abandonDials()
            return Array(state.connections.values)
        }
        for connection in connections { connection.perform { $0.shutDown() } }
        retireIfEmpty()
    }

    /// - Returns: Whether the pool is out of service.
    func retire() -> Bool {
        state.withLock { $0.machine.retireIfEmpty() }
    }

    private func retireIfEmpty() {
        guard state.withLock({ $0.machine.isEmpty }) else { return }
        registry.retire(self)
    }

    // MARK: Time

    private func setAlarm(at instant: MeshInstant) {
        let left = instant.elapsed(since: registry.configuration.clock.now)
        registry.executors.loops[0].scheduleTask(in: TimeAmount(left)) { self.alarmRang() }
    }

    private func alarmRang() {
        let (expired, rearm) = state.withLock { state in
            let action = state.machine.alarmRang(at: registry.configuration.clock.now)
            return (action.expired.compactMap { state.waiting.removeValue(forKey: $0) }, action.rearm)
        }
        for exchange in expired {
            exchange.fail(
                .deadlineExceeded,
                origin: .upstream,
                message: "the deadline passed while the request waited for a connection"
            )
        }
        if let rearm { setAlarm(at: rearm) }
        retireIfEmpty()
    }
}
