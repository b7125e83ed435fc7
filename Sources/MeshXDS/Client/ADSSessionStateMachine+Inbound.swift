// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig

extension ADSSessionStateMachine {
    /// Whether a listener that this process serves, or its routes, came and cannot be used, or can be had from nobody.
    ///
    /// Without it the configuration would admit everybody whom it is there to refuse.
    var isInboundUncertain: Bool {
        inboundListeners.contains { name in
            guard case .listener(let listener)? = servers.cached(.listener, name)?.resource else {
                // One that is of no use to a mesh admits everybody, too.
                return servers.isUnusable(.listener, name) || servers.isAwaited(.listener, name)
                    || servers.cached(.listener, name) != nil
            }
            guard let routes = listener.routeConfigurationName else { return false }
            return servers.isUnusable(.routeConfiguration, routes) || servers.isAwaited(.routeConfiguration, routes)
        }
    }
}
