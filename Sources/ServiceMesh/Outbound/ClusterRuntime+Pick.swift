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
        mesh: Mesh
    ) throws(MeshError) -> EndpointState {
        guard !endpoints.isEmpty else {
            throw MeshError(.noHealthyUpstream, origin: .local, message: "the cluster has no endpoint")
        }
        guard hasBreakers else {
            return picker.pick(at: now, excluding: context.attemptedEndpoints)
                ?? pickInPanic(excluding: context.attemptedEndpoints)
        }
        var avoided = context.attemptedEndpoints
        var shortestWait: Nanoseconds?
        // A half-open breaker that has its probes out refuses, and the picker cannot know: go on to the next endpoint,
        // and in the end to those that earlier attempts went to.
        for _ in 0..<(endpoints.count + avoided.count) {
            let endpoint = picker.pick(at: now, excluding: avoided) ?? pickInPanic(excluding: avoided)
            switch breaker(for: endpoint, mesh).admit(at: now) {
            case .admitted(let permit):
                context.circuitBreakerPermit = permit
                return endpoint
            case .refused(let wait):
                shortestWait = min(shortestWait ?? .forever, wait)
                avoided.append(endpoint.endpoint.address)
            }
        }
        throw MeshError(
            .circuitOpen,
            origin: .local,
            message: "the circuit breaker of every endpoint is open",
            reason: .open,
            // A breaker that somebody holds open does not know when it will let requests pass.
            retryAfter: shortestWait == .forever ? nil : shortestWait
        )
    }

    /// An attempt at an endpoint has ended.
    func attemptEnded(
        _ ending: CircuitBreakerStateMachine.Ending,
        at endpoint: EndpointState,
        permit: UInt64,
        now: MeshInstant
    ) {
        live.outlierDetector?.attemptEnded(ending.outcome, at: endpoint, endpointCount: endpoints.count, now: now)
        guard hasBreakers, permit != 0 else { return }
        live.existingBreaker(for: endpoint.endpoint.address)?.report(ending, permit: permit, at: now)
    }

    /// An endpoint in its turn, whatever is held against it; one that is avoided only if there is no other.
    private func pickInPanic(excluding avoided: [EndpointAddress]) -> EndpointState {
        let start = Int(live.panicTurn.wrappingAdd(1, ordering: .relaxed).oldValue % UInt(endpoints.count))
        let turn = endpoints[start...] + endpoints[..<start]
        return turn.first { !avoided.contains($0.endpoint.address) } ?? endpoints[start]
    }

    private func breaker(
        for endpoint: EndpointState,
        _ mesh: Mesh
    ) -> CircuitBreaker {
        live.breaker(for: endpoint.endpoint.address) {
            let name = cluster.name
            let observers = mesh.observers
            let configuration = cluster.circuitBreaker ?? CircuitBreakerConfiguration(mode: .disabled)
            return CircuitBreaker(validated: configuration, name: name, clock: mesh.clock, random: mesh.random) {
                change in
                // The picker passes an open breaker over without asking it; one that only observes is always asked.
                var until: UInt64 = 0
                if case .open(let instant) = change.to, change.isEnforced { until = instant.nanoseconds }
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
        case .forcedOpen: "forced open"
        case .forcedClosed: "forced closed"
        }
    }
}
