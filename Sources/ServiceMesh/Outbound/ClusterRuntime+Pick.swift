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
        guard !endpoints.isEmpty else { throw Self.noEndpoint }
        if context.filterState != nil, let endpoint = try pickOverride(at: now, context: &context, mesh: mesh) {
            return endpoint
        }
        // The hedges' own list is asked only where there is one.
        let choice: EndpointState?
        if context.endpointsInUse == nil {
            choice = picker.pick(
                for: PickRequest(at: now, excluding: context.attemptedEndpoints, hash: context.hash)
            )
        } else {
            choice = picker.pick(for: PickRequest(at: now, excluding: context.avoidedEndpoints, hash: context.hash))
        }
        guard let endpoint = choice else {
            return try pickFurther(at: now, context: &context, mesh: mesh, after: nil)
        }
        guard let breakers, let admission = breakers.admit(endpoint, at: now) ?? admitFirst(endpoint, mesh, at: now)
        else { return endpoint }
        switch admission {
        case .admitted(let permit):
            context.circuitBreakerPermit = permit
            return endpoint
        case .refused(let wait):
            return try pickFurther(at: now, context: &context, mesh: mesh, after: (endpoint, wait))
        }
    }

    private static var noEndpoint: MeshError {
        MeshError(.noHealthyUpstream, origin: .local, message: "the cluster has no endpoint")
    }

    /// Picks an endpoint after the picker's first choice was refused, or while it has none.
    @inline(never)
    private func pickFurther(
        at now: MeshInstant,
        context: inout CallContext,
        mesh: Mesh,
        after refusal: (endpoint: EndpointState, wait: Nanoseconds)?
    ) throws(MeshError) -> EndpointState {
        var avoided = context.avoidedEndpoints
        var shortestWait = refusal?.wait
        if let refusal { avoided.append(refusal.endpoint.endpoint.address) }
        // A half-open breaker that has its probes out refuses, and the picker cannot know: go on to the next endpoint,
        // and in the end to those that earlier attempts went to.
        for _ in 0..<(endpoints.count + avoided.count) {
            let request = PickRequest(at: now, excluding: avoided, hash: context.hash)
            let endpoint = picker.pick(for: request) ?? pickInPanic(excluding: avoided)
            guard let admission = admitFirst(endpoint, mesh, at: now) else { return endpoint }
            switch admission {
            case .admitted(let permit):
                context.circuitBreakerPermit = permit
                return endpoint
            case .refused(let wait):
                shortestWait = min(shortestWait ?? .forever, wait)
                avoided.append(endpoint.endpoint.address)
            }
        }
        // Once an attempt: what one breaker refuses goes to another endpoint, and that is no refusal.
        if !mesh.observers.isEmpty {
            let decision = PolicyDecision(.circuitBreaker, name: cluster.name, .refused, because: .open)
            mesh.observers.noticed(.policyActed(decision))
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
        guard permit != 0 else { return }
        breakers?.report(ending, at: endpoint, permit: permit, now: now)
    }

    /// An endpoint in its turn, whatever is held against it; one that is avoided only if there is no other.
    private func pickInPanic(excluding avoided: [EndpointAddress]) -> EndpointState {
        let start = Int(live.panicTurn.wrappingAdd(1, ordering: .relaxed).oldValue % UInt(endpoints.count))
        let turn = endpoints[start...] + endpoints[..<start]
        return turn.first { !avoided.contains($0.endpoint.address) } ?? endpoints[start]
    }

    /// Whether the breaker of an endpoint, if it has one, lets a request pass; the context has the permit then.
    func admits(_ endpoint: EndpointState, at now: MeshInstant, context: inout CallContext, mesh: Mesh) -> Bool {
        guard let breakers, let admission = breakers.admit(endpoint, at: now) ?? admitFirst(endpoint, mesh, at: now)
        else { return true }
        guard case .admitted(let permit) = admission else { return false }
        context.circuitBreakerPermit = permit
        return true
    }

    /// Asks the breaker of an endpoint that may have none yet.
    @inline(never)
    private func admitFirst(
        _ endpoint: EndpointState,
        _ mesh: Mesh,
        at now: MeshInstant
    ) -> CircuitBreakerStateMachine.Admission? {
        guard let slot = breakers?.slot(of: endpoint) else { return nil }
        return breaker(in: slot, mesh).admit(at: now)
    }

    private func breaker(in slot: BreakerSlot, _ mesh: Mesh) -> CircuitBreaker {
        slot.breaker {
            let name = cluster.name
            let observers = mesh.observers
            let configuration = cluster.circuitBreaker ?? CircuitBreakerConfiguration(mode: .disabled)
            return CircuitBreaker(
                validated: configuration,
                name: name,
                // One that only observes says by itself what it would have refused: nobody here hears of it.
                observers: configuration.mode == .observe ? observers : .none,
                clock: mesh.clock,
                random: mesh.random
            ) { [concerned = slot.concerned] change in
                let endpoint = concerned.endpoint
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
                guard change.isEnforced else { return }
                let decision = PolicyDecision(.circuitBreaker, name: name, .changed, because: change.cause.reason)
                observers.noticed(.policyActed(decision))
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
