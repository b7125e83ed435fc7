// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// Makes pickers over those endpoints of a priority that may be used, place by place or all at once.
struct PlacePickers {
    let policy: any LoadBalancingPolicy
    let settings: BalancingSettings
    let random: MeshRandom

    /// A picker over all endpoints, whatever their health; `nil` where requests fail rather than use it.
    ///
    /// The places' weights count there for policies that pick by a hash only, as in Envoy.
    func inPanic(_ group: PriorityGroup) -> (any EndpointPicker)? {
        if settings.failsInPanic { return nil }
        guard !policy.picksByHash else { return picker(over: group, isBest: false) { _ in true } }
        let endpoints = group.endpoints
        return endpoints.isEmpty ? nil : policy.makePicker(endpoints, random: random)
    }

    /// A picker over the endpoints of a priority that may be used; `nil` if there are none.
    /// - Parameter isBest: Whether it is the best priority, where the own zone takes precedence.
    func picker(
        over group: PriorityGroup,
        isBest: Bool,
        where isUsable: (EndpointState) -> Bool
    ) -> (any EndpointPicker)? {
        let usable = group.places.map { $0.endpoints.filter(isUsable) }
        guard usable.contains(where: { !$0.isEmpty }) else { return nil }
        switch settings.localities {
        case .weighted where group.isWeighted:
            return policy.picksAcrossPlaces ? weightedTable(group, usable) : weightedPlaces(group, usable)
        case .zoneAware(let zones) where isBest && !policy.picksAcrossPlaces:
            let everywhere = policy.makePicker(usable.flatMap(\.self), random: random)
            return zonePicker(group, usable, everywhere, zones) ?? everywhere
        case .weighted, .unweighted, .zoneAware:
            return policy.makePicker(usable.flatMap(\.self), random: random)
        }
    }

    /// One table for all: an endpoint's share of it is its own of its place's. Envoy does not heed there how many of a
    /// place's endpoints are left.
    private func weightedTable(_ group: PriorityGroup, _ usable: [[EndpointState]]) -> any EndpointPicker {
        let weighted = zip(group.places, usable).filter { $0.0.weight != 0 && !$0.1.isEmpty }
        let sum = group.places.reduce(0) { $0 + Double($1.weight ?? 0) }
        let shares = weighted.map { place, usable in
            NormalizedWeights(usable).shares.map { $0 * Double(place.weight ?? 0) / sum }
        }
        return policy.makePicker(weighted.flatMap(\.1), shares: shares.flatMap(\.self), random: random)
    }

    private func weightedPlaces(_ group: PriorityGroup, _ usable: [[EndpointState]]) -> (any EndpointPicker)? {
        let pickers = zip(group.places, usable).compactMap { place, usable -> (Double, any EndpointPicker)? in
            let weight = weight(of: place, usable.count)
            return weight > 0 ? (weight, policy.makePicker(usable, random: random)) : nil
        }
        return pickers.isEmpty ? nil : pickers.count == 1 ? pickers[0].1 : PlacePicker(pickers, random: random)
    }

    /// gRPC takes a place's weight as it is, as long as anybody is there.
    private func weight(of place: PriorityGroup.Place, _ usable: Int) -> Double {
        guard case .failover = settings.priorities else {
            return place.effectiveWeight(usable, factor: settings.overprovisioningFactor)
        }
        return usable > 0 ? Double(place.weight ?? 0) : 0
    }

    /// - Returns: `nil` where zones are not heeded.
    private func zonePicker(
        _ group: PriorityGroup,
        _ usable: [[EndpointState]],
        _ everywhere: any EndpointPicker,
        _ zones: ZoneAware
    ) -> ZonePicker? {
        let occupied = zip(group.places, usable).filter { !$0.0.endpoints.isEmpty }
        let routing = ZoneRouting(
            occupied.map { place, usable in
                ZoneRouting.Zone(
                    locality: place.locality,
                    healthy: usable.count,
                    strength: zones.basis == .endpoints
                        ? UInt64(usable.count) : usable.reduce(0) { $0 + UInt64($1.weight) }
                )
            },
            from: settings.ownZone,
            by: zones
        )
        guard routing != .none, settings.ownZone?.isInPanic(below: settings.panicThreshold) == false else { return nil }
        return ZonePicker(
            everywhere: everywhere,
            zones: occupied.map { $0.1.isEmpty ? nil : policy.makePicker($0.1, random: random) },
            own: occupied.firstIndex { $0.0.locality == settings.ownZone?.locality },
            routing: routing,
            enabledPercent: zones.enabledPercent,
            random: random
        )
    }
}

extension PriorityGroup.Place {
    /// The weight as far as the place's endpoints may be used (Envoy's locality-weighted balancing).
    func effectiveWeight(_ usable: Int, factor: UInt32) -> Double {
        let counted = endpoints.count { !$0.isExcluded }
        guard counted > 0 else { return 0 }
        let availability = min(1, Double(factor) / 100 * Double(usable) / Double(counted))
        return Double(weight ?? 0) * availability
    }
}
