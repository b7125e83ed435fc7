// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import MeshCore
import MeshResilience
import Synchronization

extension ClusterRuntime {
    /// Picks an endpoint that is not ejected and whose breaker lets a request pass.
    ///
    /// When every endpoint is ejected, ejections are overlooked: sending somewhere is better than nowhere (Envoy's panic
    /// mode). Open breakers are never overlooked.
    func pick(
        at now: MeshInstant,
        context: inout CallContext,
        observers: ObserverSet
    ) throws(MeshError) -> EndpointState {
        guard !endpoints.isEmpty else {
            throw MeshError(.noHealthyUpstream, origin: .local, message: "the cluster has no endpoint")
        }
        var refused = context.attemptedEndpoints
        var shortestWait: Nanoseconds?
        for _ in endpoints.indices {
            guard let endpoint = picker.pick(at: now, excluding: refused) ?? pickInPanic(excluding: refused, at: now)
            else { break }
            guard let configuration = cluster.circuitBreaker else { return endpoint }
            let breaker = breaker(for: endpoint, configuration, observers)
            switch breaker.admit(at: now) {
            case .admitted(let permit):
                context.circuitBreakerPermit = permit
                return endpoint
            case .refused(let wait):
                shortestWait = min(shortestWait ?? .forever, wait)
                refused.append(endpoint.endpoint.address)
            }
        }
        throw MeshError(
            .circuitOpen,
            origin: .local,
            message: "the circuit breaker of every endpoint is open",
            retryAfter: shortestWait
        )
    }

    /// An attempt at an endpoint has ended.
    func attemptEnded(_ outcome: Outcome, at endpoint: EndpointState, permit: UInt64, now: MeshInstant) {
        live.outlierDetector?.attemptEnded(outcome, at: endpoint, endpointCount: endpoints.count, now: now)
        guard cluster.circuitBreaker != nil, permit != 0 else { return }
        live.existingBreaker(for: endpoint.endpoint.address)?.report(outcome, permit: permit, at: now)
    }

    private func pickInPanic(excluding refused: [EndpointAddress], at now: MeshInstant) -> EndpointState? {
        endpoints.first { endpoint in
            endpoint.refusedUntil.load(ordering: .relaxed) <= now.nanoseconds
                && !refused.contains(endpoint.endpoint.address)
        } ?? endpoints.first { $0.refusedUntil.load(ordering: .relaxed) <= now.nanoseconds }
    }

    private func breaker(
        for endpoint: EndpointState,
        _ configuration: CircuitBreakerConfiguration,
        _ observers: ObserverSet
    ) -> CircuitBreaker {
        let name = cluster.name
        return live.breaker(for: endpoint.endpoint.address) {
            CircuitBreaker(configuration) { change in
                // The picker passes an open breaker over without asking it.
                var until: UInt64 = 0
                if case .open(let instant) = change.to { until = instant.nanoseconds }
                endpoint.refusedUntil.store(until, ordering: .relaxed)
                observers.noticed(
                    .circuitBreakerChanged(
                        cluster: name,
                        endpoint: endpoint.endpoint.address,
                        from: change.from.label,
                        to: change.to.label
                    )
                )
            }
        }
    }
}

extension CircuitBreakerStateMachine.State {
    /// The state's name, for logs and metrics.
    var label: String {
        switch self {
        case .closed: "closed"
        case .open: "open"
        case .halfOpen: "half-open"
        }
    }
}
