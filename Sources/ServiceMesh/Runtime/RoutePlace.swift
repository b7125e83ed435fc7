// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshResilience

/// Where a route stands while it is compiled, and what it has from there.
struct RoutePlace {
    /// The route's name, or its place if it has none.
    let name: String
    /// The same in the next configuration.
    let key: String
    let listener: Listener
    let surroundings: RouteSurroundings
    let clusters: ClusterTable
    /// The route's own limit, or else the listener's.
    let limiter: RateLimiter?
    /// The listener's faults.
    let sharedFault: FaultInjector?
    /// The listener's policies.
    let onListener: TrafficPolicyRuntime
    /// The listener's further filters, with what the table and the virtual host say of them.
    let filters: FilterChain
}
