// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
public import MeshCore
import MeshResilience
import MeshRouting

// What `MirrorLayer` asks.
extension Mesh {
    /// The copies of a request that are to be sent, each with its place taken.
    @usableFromInline
    func copies<Request: RequestHead>(
        of request: Request,
        _ context: borrowing CallContext
    ) -> [(request: Request, selection: RouteSelection)] {
        guard let selection = context.selection, !selection.mirrors.isEmpty else { return [] }
        // What will not leave itself is not copied.
        guard let cluster = selection.cluster, cluster.hasRoom(isHighPriority: selection.isHighPriority) else {
            return []
        }
        let facts = facts(of: context)
        return selection.mirrors.compactMap { mirror in
            guard mirror.configuration.fraction.contains(facts) else { return nil }
            guard let target = mirror.target(of: request, loadSnapshot(), at: clock.now), target.cluster != nil else {
                return nil
            }
            let refusal: PolicyDecision.Reason? =
                if !request.isReplayable {
                    .unreplayable
                } else if Endpoint.isSecure(request.scheme), target.isCleartext {
                    // What asks for `https` must not leave in cleartext, not even as a copy.
                    .forced
                } else {
                    mirrors.begin() ? nil : .limit
                }
            if !observers.isEmpty {
                let action: PolicyDecision.Action = refusal == nil ? .mirrored : .refused
                let decision = PolicyDecision(
                    .mirror,
                    name: selection.routeName,
                    action,
                    because: refusal ?? .chance
                )
                observers.noticed(.policyActed(decision))
            }
            guard refusal == nil else { return nil }
            var copy = mirror.configuration.copy(of: request)
            selection.edits?.apply(toCopy: &copy)
            return (copy, target)
        }
    }

    /// The context of a copy: no caller waits for it, so that nothing of the original's binds it but the route's timeout.
    @usableFromInline
    func contextOfCopy(_ original: CallContext, _ selection: RouteSelection) -> CallContext {
        let now = clock.now
        let own = original.isRPC ? original.selection?.streamTimeout : original.selection?.timeout
        let timeout = own?.timeout ?? Self.longestCopy
        var context = CallContext(now: now, deadline: Deadline(timeout, after: now), trace: original.trace)
        context.route = selection
        context.random = original.random
        context.isRPC = original.isRPC
        return context
    }

    /// How long a copy may take by a route that has no timeout. Envoy's default timeout of a route.
    private static var longestCopy: Nanoseconds { .seconds(15) }
}
