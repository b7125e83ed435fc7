// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience

/// The coalescing of a route's requests to one cluster: each client shares its own requests only.
@usableFromInline
final class RouteCoalescing: Sendable {
    let configuration: CoalescingConfiguration
    let rules: ResponseSharingRules
    /// The fields that tell requests apart beside those of the rules.
    let conditions: [HeaderName]
    let name: String
    let timers: TimerWheel
    let clients = ClientTable()

    init(
        _ configuration: CoalescingConfiguration,
        _ rules: ResponseSharingRules,
        conditions: [HeaderName],
        name: String,
        timers: TimerWheel
    ) {
        self.configuration = configuration
        self.rules = rules
        self.conditions = conditions
        self.name = name
        self.timers = timers
    }
}
