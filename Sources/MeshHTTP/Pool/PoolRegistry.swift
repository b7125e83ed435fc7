// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import NIOCore
import ServiceMesh
import Synchronization

/// The pools of a transport: one for each endpoint that has a connection or a waiting request, and no others.
final class PoolRegistry: EndpointListener {
    private struct State {
        var pools: [EndpointKey: ConnectionPool] = [:]
        var isShutDown = false
        var drained: [CheckedContinuation<Void, Never>] = []

        /// Whoever waits for the last pool to go, if it has gone.
        mutating func takeDrained() -> [CheckedContinuation<Void, Never>] {
            guard pools.isEmpty, isShutDown else { return [] }
            defer { drained = [] }
            return drained
        }
    }

    let configuration: HTTPTransport.Configuration
    let executors: EventLoopExecutors
    let dialer: ConnectionDialer
    private let state = Mutex(State())

    init(configuration: HTTPTransport.Configuration, executors: EventLoopExecutors) {
        self.configuration = configuration
        self.executors = executors
        self.dialer = ConnectionDialer(configuration: configuration, publicTLS: PublicTLS())
    }

    var statistics: HTTPTransport.Statistics {
        all.reduce(into: HTTPTransport.Statistics()) { $0.add($1.statistics) }
    }

    /// Gives a request to its endpoint's pool.
    func submit(_ exchange: Exchange) {
        let key = EndpointKey(exchange.endpoint)
        while true {
            let pool = state.withLock { state -> ConnectionPool? in
                guard !state.isShutDown else { return nil }
                if let pool = state.pools[key] { return pool }
                let pool = ConnectionPool(exchange.endpoint, registry: self)
                state.pools[key] = pool
                return pool
            }
            guard let pool else {
                return exchange.fail(.cancelled, origin: .local, message: "the transport is shut down")
            }
            // A pool that was retired between the two lines is not in the dictionary any more.
            if pool.submit(exchange) { return }
        }
    }

    /// Takes an empty pool out of service.
    func retire(_ pool: ConnectionPool) {
        let drained = state.withLock { state -> [CheckedContinuation<Void, Never>] in
            guard state.pools[pool.key] === pool, pool.retire() else { return [] }
            state.pools[pool.key] = nil
            return state.takeDrained()
        }
        for waiter in drained { waiter.resume() }
    }

    /// Connections that were made until now take no more requests.
    func condemnConnections(except kept: Set<EndpointKey> = []) {
        for pool in all where !kept.contains(pool.key) { pool.condemnConnections() }
    }

    func endpointsRemoved(_ endpoints: Set<EndpointKey>) {
        let pools = state.withLock { state in
            // gRPC calls may have connections of their own there, where others speak HTTP/1.1.
            endpoints.flatMap { [state.pools[$0], state.pools[$0.speakingHTTP2]].compactMap { $0 } }
        }
        for pool in pools { pool.condemnConnections() }
    }

    /// Takes no more requests, and waits until the last connection is closed.
    func shutDown(gracePeriod: Nanoseconds) async {
        for pool in state.withLock({ state in
            state.isShutDown = true
            return Array(state.pools.values)
        }) { pool.shutDown() }
        let alarm = executors.loops[0].scheduleTask(in: TimeAmount(gracePeriod)) { self.closeAll() }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let drained = state.withLock { state in
                    state.drained.append(continuation)
                    return state.takeDrained()
                }
                for waiter in drained { waiter.resume() }
            }
        } onCancel: {
            closeAll()
        }
        alarm.cancel()
    }

    private func closeAll() {
        for pool in all { pool.closeAll() }
    }

    private var all: [ConnectionPool] { state.withLock { Array($0.pools.values) } }
}
