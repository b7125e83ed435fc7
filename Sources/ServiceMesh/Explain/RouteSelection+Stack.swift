// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshResilience

extension RouteSelection {
    /// The policies that a request by this route to this cluster passes, the outermost first.
    ///
    /// - Parameter route: The route, which says what is its own; the rest is the cluster's or the listener's.
    func stack(of route: Route) -> StackDescription {
        let (onRoute, onCluster) = ("route \(routeName)", "cluster \(clusterName)")
        var policies: [PolicyDescription] = []
        func describe(_ configuration: (some PolicyConfiguration)?, _ slot: PolicySlot, isOfRoute: Bool) {
            guard let configuration else { return }
            policies.append(
                PolicyDescription(
                    configuration,
                    in: slot,
                    name: isOfRoute ? routeName : clusterName,
                    place: isOfRoute ? onRoute : onCluster
                )
            )
        }
        let own = route.policies
        if let fallback {
            let place = own.fallback != nil ? onRoute : onCluster
            var status = PolicySetting("status", fallback.status)
            status.source = .configured(place)
            policies.append(PolicyDescription(slot: .fallback, name: routeName, settings: [status]))
        }
        describe(loadShedder?.configuration, .loadShedding, isOfRoute: own.loadShedding != nil)
        describe(fault?.configuration, .fault, isOfRoute: true)
        describe(rateLimiter?.configuration, .rateLimit, isOfRoute: true)
        if let timeout { describe(TimeoutConfiguration(duration: timeout), .totalTimeout, isOfRoute: true) }
        describe(admissionControl?.configuration, .admissionControl, isOfRoute: own.admissionControl != nil)
        describe(retry?.policy, .retry, isOfRoute: true)
        describe(hedging?.configuration, .hedge, isOfRoute: own.hedging != nil)
        describe(adaptiveLimit?.configuration, .adaptiveLimit, isOfRoute: own.adaptiveLimit != nil)
        describe(bulkhead?.configuration, .bulkhead, isOfRoute: own.bulkhead != nil)
        describe(circuitBreaker?.configuration, .circuitBreaker, isOfRoute: own.circuitBreaker != nil)
        if let limit = retry?.policy.perTryTimeout {
            describe(TimeoutConfiguration(duration: limit), .attemptTimeout, isOfRoute: true)
        }
        return StackDescription(policies)
    }
}
