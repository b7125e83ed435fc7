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
        var connections = ConnectionTable<HTTPConnection>()
        var waiting: [UInt64: Exchange] = [:]

        /// The exchanges that an action concerns, taken out of the queue.
        mutating func follow(_ action: ConnectionPoolStateMachine.ConnectionAction) -> Next {
            guard case .start(let requests, let dials) = action else { return Next(isClosing: action == .close) }
            return Next(exchanges: requests.compactMap { waiting.removeValue(forKey: $0) }, dials: dials)
        }
    }

    /// What a connection with room is to do.
    private struct Next {
        var exchanges: [Exchange] = []
        var dials: [ConnectionPoolStateMachine.Dial] = []
        var isClosing = false
    }

    let key: EndpointKey
    private let registry: PoolRegistry
    private let state: Mutex<State>
    private let nextRequest = Atomic<UInt64>(0)

    init(_ endpoint: Endpoint, registry: PoolRegistry) {
        self.key = EndpointKey(endpoint)
        self.registry = registry
        self.state = Mutex(
            State(
                machine: ConnectionPoolStateMachine(
                    loops: registry.executors.loops.count,
                    httpVersion: endpoint.spokenVersion
                ),
                endpoint: endpoint
            )
        )
    }

    var endpoint: Endpoint { state.withLock { $0.endpoint } }

    /// How many connections and requests there are.
    var statistics: HTTPTransport.Statistics {
        state.withLock { state in
            var statistics = HTTPTransport.Statistics()
            statistics.endpoints = 1
            statistics.connections = state.machine.connections.count
            statistics.idleConnections = state.machine.idleCount
            statistics.pendingRequests = state.machine.pending.count
            statistics.activeRequests = state.machine.active
            return statistics
        }
    }

    // MARK: Requests

    /// Gives a request a connection, or a place in the queue.
    /// - Returns: Whether the pool took it; a retired pool does not.
    func submit(_ exchange: Exchange) -> Bool {
        let id = nextRequest.wrappingAdd(1, ordering: .relaxed).newValue
        exchange.entered(self, as: id)
        let (action, connection, isAtLimit) = state.withLock { state in
            state.endpoint = exchange.endpoint
            let action = state.machine.requestArrived(
                id,
                loop: exchange.loop,
                deadline: exchange.headDeadline,
                endpoint: exchange.endpoint
            )
            switch action {
            case .wait: state.waiting[id] = exchange
            case .start(let connection, _): return (action, state.connections[connection], false)
            case .overflow, .shutDown, .retired: break
            }
            return (action, nil, state.machine.isAtLimit)
        }
        switch action {
        case .start(_, let dial):
            start(exchange, on: connection)
            if let dial { self.dial(dial) }
        case .wait(let dial, let alarm):
            noticed(.requestPending)
            if isAtLimit, dial == nil { noticed(.connectionOverflow) }
            if let dial { self.dial(dial) }
            if let alarm { setAlarm(at: alarm) }
            // It may have been cancelled before it was in the queue, where its withdrawal did not find it.
            if !exchange.isOpen { withdraw(id) }
        case .overflow:
            noticed(.pendingOverflow)
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
        let wasWaiting = state.withLock { state in
            guard state.machine.requestWithdrawn(id) else { return false }
            state.waiting[id] = nil
            return true
        }
        if wasWaiting { noticed(.requestNotPending) }
        retireIfEmpty()
    }

    private func start(_ exchange: Exchange, on connection: HTTPConnection?) {
        guard let connection else { return resubmit(exchange) }
        connection.start(exchange, resubmittingTo: self)
    }

    // MARK: Connections

    func connectionReady(_ connection: HTTPConnection, capacity: Int, after wait: Nanoseconds) {
        noticed(.ready(connection.spoken, after: wait), of: connection)
        let next = state.withLock { state in
            state.connections[connection.id] = connection
            return state.follow(state.machine.connectionReady(connection.id, capacity: capacity))
        }
        perform(next, connection)
    }

    func connectionReleased(_ connection: HTTPConnection) {
        perform(state.withLock { $0.follow($0.machine.connectionReleased(connection.id)) }, connection)
    }

    func connectionCapacityChanged(_ connection: HTTPConnection, to capacity: Int) {
        perform(state.withLock { $0.follow($0.machine.capacityChanged(connection.id, to: capacity)) }, connection)
    }

    private func perform(_ next: Next, _ connection: HTTPConnection) {
        if next.isClosing { connection.perform { $0.drain() } }
        for exchange in next.exchanges {
            noticed(.requestNotPending)
            start(exchange, on: connection)
        }
        for dial in next.dials { self.dial(dial) }
    }

    func connectFailed(_ id: Int, cause: any Error) {
        noticed(.connectFailed(isTimeout: cause.isConnectTimeout, error: cause))
        let (failed, started, connection, dials) = state.withLock { state in
            let action = state.machine.connectFailed(id)
            return (
                action.fail.compactMap { state.waiting.removeValue(forKey: $0) },
                action.start.flatMap { state.waiting.removeValue(forKey: $0) },
                action.connection.flatMap { state.connections[$0] },
                action.dials
            )
        }
        if let started {
            noticed(.requestNotPending)
            start(started, on: connection)
        }
        for dial in dials { self.dial(dial) }
        // Before those who failed hear of it, who may look at what is left.
        retireIfEmpty()
        let isLocal = cause is ClientTLS.NotConfigured
        for exchange in failed {
            noticed(.requestNotPending)
            exchange.fail(
                .connectionFailed,
                origin: isLocal ? .local : .upstream,
                message: isLocal ? "\(cause)" : "no connection to \(key.address)\(cause.connectHint)",
                cause: isLocal ? nil : cause
            )
        }
    }

    func connectionDraining(_ connection: HTTPConnection, _ reason: ConnectionClosing) {
        noticed(.draining(connection.spoken, reason), of: connection)
        for dial in state.withLock({ $0.machine.connectionDraining(connection.id) }) { self.dial(dial) }
    }

    /// A peer that goes away closes all that it keeps idle at once, and the loops may not have seen the others' end yet:
    /// whoever tries again would meet one after another of them.
    func connectionBroken(_ connection: HTTPConnection) {
        condemnConnections(idleOnly: true)
    }

    func connectionClosed(_ connection: HTTPConnection, _ ending: ConnectionEnding) {
        noticed(
            .closed(
                connection.spoken,
                ending.reason,
                after: ending.lifetime,
                activeRequests: ending.activeRequests,
                goodbye: ending.goodbye
            ),
            of: connection
        )
        let dials = state.withLock { state in
            state.connections[connection.id] = nil
            return state.machine.connectionClosed(connection.id)
        }
        for dial in dials { self.dial(dial) }
        retireIfEmpty()
    }

    /// - Returns: Whether the connection, which was idle for too long, is to be closed.
    func idleTimedOut(_ connection: HTTPConnection) -> Bool {
        state.withLock { $0.machine.idleTimedOut(connection.id) }
    }

    func noticed(_ event: ConnectionEvent) {
        noticed(event, of: nil)
    }

    private func noticed(_ event: ConnectionEvent, of connection: HTTPConnection?) {
        let observers = registry.configuration.observers
        guard !observers.isEmpty else { return }
        observers.connectionChanged(event, endpoint: connection?.endpoint ?? endpoint)
    }

    private func dial(_ dial: ConnectionPoolStateMachine.Dial) {
        noticed(.dialing)
        registry.dialer.dial(endpoint, on: registry.executors.loops[dial.loop], for: self, as: dial.connection)
    }

    // MARK: The pool as a whole

    /// Connections that were made until now take no more requests.
    func condemnConnections(idleOnly: Bool = false) {
        let condemned = state.withLock { state in
            state.machine.condemnConnections(idleOnly: idleOnly).compactMap { state.connections[$0] }
        }
        for connection in condemned { connection.perform { $0.drain() } }
    }

    func shutDown() {
        let (drained, waiting) = state.withLock { state in
            let action = state.machine.shutDown()
            return (
                action.drain.compactMap { state.connections[$0] },
                action.fail.compactMap { state.waiting.removeValue(forKey: $0) }
            )
        }
        for connection in drained { connection.perform { $0.drain() } }
        for exchange in waiting {
            noticed(.requestNotPending)
            exchange.fail(.cancelled, origin: .local, message: "the transport was shut down")
        }
        retireIfEmpty()
    }

    /// Ends every exchange and every connection.
    func closeAll() {
        let connections = state.withLock { state in
            state.machine.abandonDials()
            return state.connections.values
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
            noticed(.requestNotPending)
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
