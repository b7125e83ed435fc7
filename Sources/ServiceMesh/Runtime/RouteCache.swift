// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience

/// The response cache of a route's or a listener's requests to one cluster, or of a cluster: a memory for each client,
/// which lives as long as the settings stay.
@usableFromInline
final class RouteCache: Sendable {
    let configuration: ResponseCacheConfiguration
    let rules: ResponseSharingRules
    /// The fields that tell requests apart beside those of the rules.
    let conditions: [HeaderName]
    let name: String
    let clock: any MeshClock
    let clients = ClientTable()

    init(
        _ configuration: ResponseCacheConfiguration,
        _ rules: ResponseSharingRules,
        conditions: [HeaderName],
        name: String,
        clock: any MeshClock
    ) {
        self.configuration = configuration
        self.rules = rules
        self.conditions = conditions
        self.name = name
        self.clock = clock
    }
}
