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
    /// In panic ejections are overlooked: sending somewhere is better than nowhere. Open breakers are never overlooked.
    @inline(__always)
    func pick(at now: MeshInstant, context: inout CallContext, mesh: Mesh) throws(MeshError) -> EndpointState {
        try pick(by: picker, in: nil, at: now, context: &context, mesh: mesh)
    }

    /// The same among some of the endpoints.
    /// - Parameters:
    ///   - picker: The one over them.
    ///   - priority: Where they are to be, if that was decided already.
    @inline(__always)
    func pick(
        by picker: PriorityPicker,
        in priority: PriorityLoad.Choice?,
        at now: MeshInstant,
        context: inout CallContext,
        mesh: Mesh
    ) throws(MeshError) -> EndpointState {
        guard !endpoints.isEmpty else { throw Self.noEndpoint }
        if context.filterState != nil,
            let endpoint = try pickOverride(of: picker, at: now, context: &context, mesh: mesh)
        {
            return endpoint
        }
        // The hedges' own list is asked only where there is one.
        var request = PickRequest(
            at: now,
            excluding: context.endpointsInUse == nil ? context.attemptedEndpoints : context.avoidedEndpoints,
            hash: context.hash
        )
        request.avoidedPriorities = context.priorityHistory.avoided
        request.priority = priority
        let choice = picker.pick(for: request)
        guard let endpoint = choice else {
            return try pickFurther(by: picker, in: priority, at: now, context: &context, mesh: mesh, after: nil)
        }
        guard let breakers, let admission = breakers.admit(endpoint, at: now) ?? admitFirst(endpoint, mesh, at: now)
        else { return endpoint }
        switch admission {
        case .admitted(let permit):
            context.circuitBreakerPermit = permit
            return endpoint
        case .refused(let wait):
            return try pickFurther(
                by: picker,
                in: priority,
                at: now,
                context: &context,
                mesh: mesh,
                after: (endpoint, wait)
            )
        }
    }

    /// A request is refused because as many are under way as may be.
    func overflow(_ limit: Int, _ isHighPriority: Bool) -> MeshError {
        loadStatistics?.refusedOverLimit()
        let which = isHighPriority ? "requests of high priority" : "requests"
        return MeshError(.overflow, origin: .local, message: "\(limit) \(which) are under way, which is the limit")
    }

    static var noEndpoint: MeshError {
        MeshError(.noHealthyUpstream, origin: .local, message: "the cluster has no endpoint")
    }

    private static func noUsableEndpoint(of count: Int) -> MeshError {
        MeshError(
            .noHealthyUpstream,
            origin: .local,
            message: "none of the cluster's \(count) endpoints may be used: they are unhealthy or ejected"
        )
    }

    /// Picks an endpoint after the picker's first choice was refused, or while it has none.
    @inline(never)
    private func pickFurther(
        by picker: PriorityPicker,
        in priority: PriorityLoad.Choice?,
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
            var request = PickRequest(at: now, excluding: avoided, hash: context.hash)
            request.avoidedPriorities = context.priorityHistory.avoided
            request.priority = priority
            let picked = picker.pick(for: request)
            guard let endpoint = picked ?? refusedEndpoint(of: picker, excluding: avoided, at: now) else { break }
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
        guard let shortestWait else { throw Self.noUsableEndpoint(of: picker.endpoints.count) }
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
        _ result: AttemptResult,
        at endpoint: EndpointState,
        permit: UInt64,
        now: MeshInstant
    ) {
        live.outlierDetector?.attemptEnded(result, at: endpoint, endpointCount: endpoints.count, now: now)
        guard permit != 0 else { return }
        breakers?.report(ending, at: endpoint, permit: permit, now: now)
    }

    /// An endpoint, in its turn, whose breaker alone keeps traffic away: it says for how long. One that is avoided only if
    /// there is no other; `nil` if the health of all rules them out.
    private func refusedEndpoint(
        of picker: PriorityPicker,
        excluding avoided: [EndpointAddress],
        at now: MeshInstant
    ) -> EndpointState? {
        let panics = picker.load(at: now).panics
        let usable = picker.endpoints.filter { endpoint in
            if endpoint.priority < panics.count, panics[endpoint.priority] { return !picker.settings.failsInPanic }
            return endpoint.health != .unhealthy && !endpoint.isEjected(at: now)
        }
        guard !usable.isEmpty else { return nil }
        let start = Int(live.panicTurn.wrappingAdd(1, ordering: .relaxed).oldValue % UInt(usable.count))
        let turn = usable[start...] + usable[..<start]
        return turn.first { !avoided.contains($0.endpoint.address) } ?? usable[start]
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
