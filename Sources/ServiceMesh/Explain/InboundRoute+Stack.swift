// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience

extension InboundRoute {
    /// The policies that a request of this route passes on its way to the handler, the outermost first.
    /// - Parameter listener: The name of the listener, whose policies stand where the route has none of its own.
    func stack(of listener: String) -> StackDescription {
        var descriptions: [PolicyDescription] = []
        func describe(_ configuration: (some PolicyConfiguration)?, _ slot: PolicySlot, _ owner: String?) {
            guard let configuration, let owner else { return }
            let place = owner == name ? "route \(name)" : "listener \(listener)"
            descriptions.append(PolicyDescription(configuration, in: slot, name: owner, place: place))
        }
        describe(policies?.loadShedder?.configuration, .loadShedding, policies?.loadShedder?.name)
        describe(fault?.configuration, .fault, fault?.name)
        describe(rateLimiter?.configuration, .rateLimit, isLimitOfRoute ? name : listener)
        describe(policies?.keyedRateLimit?.configuration, .rateLimit, policies?.keyedRateLimit?.name)
        describe(policies?.admissionControl?.configuration, .admissionControl, policies?.admissionControl?.name)
        describe(policies?.adaptiveLimit?.configuration, .adaptiveLimit, policies?.adaptiveLimit?.name)
        describe(policies?.bulkhead?.configuration, .bulkhead, policies?.bulkhead?.name)
        // In the innermost place of a time: whatever makes requests wait stands around it.
        describe(policies?.expiredRequests?.configuration, .attemptTimeout, policies?.expiredRequests?.name)
        return StackDescription(descriptions)
    }
}
