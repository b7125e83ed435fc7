// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
public import MeshCore
public import MeshResilience
import MeshRouting
public import MeshSecurity

extension Mesh {
    /// Explains what would be done now to a request that comes in at an address, before a handler of this process serves
    /// it. Nothing is drawn and nothing is taken from a limit.
    /// - Parameter peer: Who asks; `nil`, the default, if that is not known: then it is told which policies mean the
    ///   request, and not what they decide.
    public func explain(
        inbound request: some RequestHead,
        at address: EndpointAddress,
        from peer: AuthorizationPeer? = nil
    ) -> Explanation {
        var peer = peer
        if let known = peer, known.destinationPort == nil { peer?.destinationPort = address.port }
        let snapshot = loadSnapshot()
        var explanation = Explanation(generation: snapshot.generation)
        explanation.note("request", "\(request.method) \(request.authority ?? "") \(request.path)")
        guard !isDisabled, let runtime = snapshot.inbound[address] else {
            let isAwaited = !isDisabled && hasSources && snapshot.source == nil
            explanation.note("listener", isAwaited ? "not known yet: the request is refused with 503" : "none")
            if !isDisabled { explanation.note("serving", "no, where the server waits for its listener (gRFC A36)") }
            return explanation
        }
        explanation.note("listener", runtime.listener.name)
        if case .inbound(_, let security) = runtime.listener.direction {
            explanation.note("connections", security.summary)
        }
        if !runtime.listener.peerNames.isEmpty {
            explanation.note("callers' names", runtime.listener.peerNames.map(\.summary).joined(separator: ", "))
        }
        explanation.note("identity", runtime.requiresIdentity ? "required, by mutual TLS" : "not required")
        if let summary = snapshot.secrets[runtime.listener.secrets]?.summary { explanation.note("secrets", summary) }
        guard let routes = runtime.routes else {
            runtime.security.explain(request, peer: peer, &explanation)
            runtime.route(of: request).map { explain($0, of: runtime.listener.name, &explanation) }
            explanation.noteRuntime(of: snapshot)
            explanation.noteIgnored(of: snapshot, listener: runtime.listener.name)
            return explanation
        }
        let trace = routes.trace(request, facts: RoutingFacts(random: 0))
        explanation.note("virtual host", trace.host ?? "none serves this authority: the request is refused with 404")
        for (number, mismatch) in trace.passedOver { explanation.note("route \(number)", "passed over: \(mismatch)") }
        guard let (number, route) = trace.chosen else {
            runtime.security.explain(request, peer: peer, &explanation)
            if trace.host != nil { explanation.note("route", "none matches: the request is refused with 404") }
            explanation.noteRuntime(of: snapshot)
            explanation.noteIgnored(of: snapshot, listener: runtime.listener.name)
            return explanation
        }
        explanation.note("route", "\(route.name) (number \(number))")
        route.security.explain(request, peer: peer, &explanation)
        explain(route, of: runtime.listener.name, &explanation)
        explanation.noteRuntime(of: snapshot)
        explanation.noteIgnored(of: snapshot, listener: runtime.listener.name)
        return explanation
    }

    /// The policies that a request that comes in at an address would pass now, the outermost first, with the source of
    /// every value. Empty if no listener or no route takes the request.
    public func describe(inbound request: some RequestHead, at address: EndpointAddress) -> StackDescription {
        guard !isDisabled, let runtime = loadSnapshot().inbound[address], let route = runtime.route(of: request) else {
            return StackDescription([])
        }
        return route.stack(of: runtime.listener.name)
    }

    private func explain(_ route: InboundRoute, of listener: String, _ explanation: inout Explanation) {
        if let fault = route.fault {
            explanation.note("fault", fault.configuration.summary + fault.configuration.mode.note)
        }
        if let limit = route.rateLimiter?.configuration {
            explanation.note(
                "rate limit",
                "\(limit.tokensPerFill) per \(limit.fillInterval.duration)\(limit.mode.note)"
            )
        }
        if let keyed = route.policies?.keyedRateLimit?.configuration { explanation.note("rate limit", keyed.summary) }
        for line in route.filters?.summary ?? [] { explanation.note("filter", line) }
        let told: Set<PolicySlot> = [.fault, .rateLimit]
        for policy in route.stack(of: listener).policies where !told.contains(policy.slot) {
            explanation.note("policy", policy.description)
        }
        for slot in route.idle { explanation.note("policy", "\(slot): about calls to others, does nothing here") }
        explanation.note("action", route.reply.map { "answered with \($0.status)" } ?? "the handler serves it")
    }
}
