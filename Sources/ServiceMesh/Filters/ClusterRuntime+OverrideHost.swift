// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import MeshCore
import MeshResilience

extension ClusterRuntime {
    /// The endpoint that a request should go to, if that endpoint may be used now.
    ///
    /// Only a first attempt asks for a session's: one that follows goes where the balancer says, as in Envoy. Of several
    /// that the request names, an attempt that follows goes to the next.
    /// - Returns: `nil` where the balancer picks.
    /// - Throws: `MeshError` where the request may go nowhere else.
    func pickOverride(
        of picker: PriorityPicker,
        at now: MeshInstant,
        context: inout CallContext,
        mesh: Mesh
    ) throws(MeshError) -> EndpointState? {
        guard let wish = context.overrideHost else { return nil }
        if wish.staysInSubset { return pickNamed(wish, of: picker, at: now, context: &context, mesh: mesh) }
        guard context.attempt <= 1 else { return nil }
        guard let endpoint = endpoints.first(where: { $0.endpoint.address == wish.address }) else {
            if wish.isStrict {
                throw Self.unreachable("no endpoint has the address \(wish.address)", status: wish.statusIfUnknown)
            }
            return nil
        }
        // Envoy's `override_host_status`: not the unhealthy ones.
        let mayBeUsed = endpoint.health != .unhealthy && endpoint.isAvailable(at: now)
        if mayBeUsed, admits(endpoint, at: now, context: &context, mesh: mesh) { return endpoint }
        guard wish.isStrict else { return nil }
        throw Self.unreachable("the endpoint \(wish.address) may not be used now", status: 503)
    }

    /// The first of the endpoints that a request names, but for those that earlier attempts went to.
    private func pickNamed(
        _ wish: OverrideHost,
        of picker: PriorityPicker,
        at now: MeshInstant,
        context: inout CallContext,
        mesh: Mesh
    ) -> EndpointState? {
        // An aggregate's request may come to a cluster that does not ask for it.
        guard !cluster.overrideHostHeaders.isEmpty else { return nil }
        let avoided = context.avoidedEndpoints
        // Retries may go to where earlier attempts went; nothing but their number tells then how many were tried.
        var tried = avoided.isEmpty ? max(0, context.attempt - 1) : 0
        for address in [wish.address] + wish.following where !avoided.contains(address) {
            guard let endpoint = picker.endpoints.first(where: { $0.endpoint.address == address }) else { continue }
            guard tried == 0 else {
                tried -= 1
                continue
            }
            let mayBeUsed = endpoint.health != .unhealthy && endpoint.isAvailable(at: now)
            if mayBeUsed, admits(endpoint, at: now, context: &context, mesh: mesh) { return endpoint }
        }
        return nil
    }

    private static func unreachable(_ reason: String, status: Int) -> MeshError {
        MeshError(
            .noHealthyUpstream,
            origin: .local,
            message: "the request's session must go to one endpoint, and \(reason)",
            localReply: LocalReply(status: status, body: "no healthy upstream")
        )
    }
}
