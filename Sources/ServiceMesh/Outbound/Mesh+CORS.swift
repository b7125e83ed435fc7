// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore
public import MeshRouting

// What `CORSLayer` asks.
extension Mesh {
    /// What the route's policy says of a request.
    /// - Throws: `MeshError` with the answer to a preflight request.
    @usableFromInline
    func crossOriginDecision(_ request: some RequestHead, _ context: CallContext) throws(MeshError) -> CORSDecision {
        guard let selection = context.selection, let policy = selection.cors else { return .nothing }
        let decision = policy.decision(for: request, facts(of: context))
        guard var preflight = decision.preflight else { return decision }
        // The filter behind sees the answer, though not the request.
        if let filters = selection.filters {
            filters.mutations.apply(to: &preflight, request: request, facts: filters.formatFacts(context, self))
        }
        var error = MeshError(
            .directResponse,
            origin: .local,
            message: "the route answers preflight requests by itself",
            localReply: preflight
        )
        error.route = selection.routeName
        throw error
    }
}

extension CORSPolicy {
    /// What the policy says of a request.
    func decision(for request: some RequestHead, _ facts: RoutingFacts) -> CORSDecision {
        decision(for: request, isEnabled: enabled.contains(facts), isObserved: observed.contains(facts))
    }
}
