// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshCore
import MeshResilience

extension ClusterRuntime {
    /// The endpoint that a request should go to, if that endpoint may be used now.
    ///
    /// Only a first attempt asks for it: one that follows goes where the balancer says, as in Envoy.
    /// - Returns: `nil` where the balancer picks.
    /// - Throws: `MeshError` where the request may go nowhere else.
    func pickOverride(
        at now: MeshInstant,
        context: inout CallContext,
        mesh: Mesh
    ) throws(MeshError) -> EndpointState? {
        guard let wish = context.overrideHost, context.attempt <= 1 else { return nil }
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

    private static func unreachable(_ reason: String, status: Int) -> MeshError {
        MeshError(
            .noHealthyUpstream,
            origin: .local,
            message: "the request's session must go to one endpoint, and \(reason)",
            localReply: LocalReply(status: status, body: "no healthy upstream")
        )
    }
}
