// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore
public import MeshRouting

/// What happens to a request (`envoy.config.route.v3.Route.action`).
public enum RouteAction: Hashable, Sendable {
    /// It is sent to a cluster.
    case forward(Forward)
    /// The caller is sent somewhere else.
    case redirect(Redirect)
    /// The mesh answers it.
    case directResponse(LocalReply)
    /// It goes to the handler of the server that the listener belongs to.
    case nonForwarding
}
