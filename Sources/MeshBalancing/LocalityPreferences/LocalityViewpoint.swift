// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

package import MeshCore

/// An endpoint, as far as it is near to or far from a client.
package struct PlacedEndpoint: Hashable, Sendable {
    /// Where it is.
    package var locality: Locality
    /// What it is known by.
    package var labels: [String: String]
    /// Its weight; at least 1.
    package var weight: UInt32

    /// Describes an endpoint.
    package init(_ locality: Locality, labels: [String: String] = [:], weight: UInt32 = 1) {
        self.locality = locality
        self.labels = labels
        self.weight = weight
    }
}

/// Endpoints of one place that a client prefers alike.
package struct EndpointPlace: Hashable, Sendable {
    /// The place.
    package var locality: Locality
    /// 0 for the best; none is left out.
    package var priority: UInt32 = 0
    /// Its weight among those of its priority; `nil` where places are not weighted.
    package var weight: UInt32?
    /// The positions of the endpoints, in their order.
    package var members: [Int]
}

/// A client's place in the mesh, from which endpoints are near or far (what istiod's `ApplyLocalityLoadBalancer` does for
/// each of its clients).
package struct LocalityViewpoint: Hashable, Sendable {
    /// Where the client is; empty if nobody knows.
    package var locality: Locality
    /// What it is known by.
    package var labels: [String: String]

    /// Describes a client.
    package init(_ locality: Locality, labels: [String: String] = [:]) {
        self.locality = locality
        self.labels = labels
    }

    /// Divides endpoints into places with their priorities and weights.
    /// - Parameter failsOver: Whether endpoints are found out that are not well. Without that nobody would ever fail over,
    ///   and the nearest place would have everything.
    /// - Complexity: O(endpoints × labels), and sorting the places.
    package func places(
        of endpoints: [PlacedEndpoint],
        by preference: LocalityPreference,
        failsOver: Bool
    ) -> [EndpointPlace] {
        var places = Dictionary(grouping: endpoints.indices) { endpoints[$0].locality }.map { locality, members in
            EndpointPlace(locality: locality, members: members)
        }
        places.sort { $0.locality.precedes($1.locality) }
        switch preference {
        case .none: return places
        case .shared(let rules): return shared(places, of: endpoints, by: rules)
        case .nearest(let failover):
            guard failsOver else { return places }
            if !failover.labels.isEmpty { places = split(places, of: endpoints, by: failover.labels) }
            if failover.labels.isEmpty || !failover.regions.isEmpty {
                for index in places.indices {
                    // There are five distances.
                    places[index].priority *= 5
                    places[index].priority += distance(to: places[index].locality, by: failover.regions)
                }
            }
            if failover.isSaid { weigh(&places, of: endpoints) }
        case .zoneAware(_, let failover):
            if !failover.labels.isEmpty { places = split(places, of: endpoints, by: failover.labels) }
            for index in places.indices {
                // The own region, the one that its requests go to first, and the others.
                let distance = self.distance(to: places[index].locality, by: failover.regions)
                let isPreferred = distance == 3 && failover.regions.contains { $0.from == locality.region }
                places[index].priority *= 3
                places[index].priority += distance < 3 ? 0 : isPreferred ? 1 : 2
            }
        }
        return places.compacted()
    }

    /// 0 for the same subzone, 1 for the same zone, 2 for the same region, 3 for any other, and 4 for a region that is not
    /// the one where the own region's requests go first.
    private func distance(to place: Locality, by regions: [LocalityPreference.Region]) -> UInt32 {
        guard place.region == locality.region else {
            guard let rule = regions.first(where: { $0.from == locality.region }) else { return 3 }
            return rule.to == place.region ? 3 : 4
        }
        guard place.zone == locality.zone else { return 2 }
        return place.subZone == locality.subZone ? 0 : 1
    }

    /// Splits each place by how many of the labels agree, from the first on: the priority is the number of those that do
    /// not.
    private func split(
        _ places: [EndpointPlace],
        of endpoints: [PlacedEndpoint],
        by labels: [LocalityPreference.Label]
    ) -> [EndpointPlace] {
        let own = self.labels.merging(locality.topologyLabels) { $1 }
        // Istio leaves clients alone that it knows nothing of.
        guard !own.isEmpty else { return places }
        let wanted = labels.map { (name: $0.name, value: $0.value ?? own[$0.name] ?? "") }
        // Another network is behind all of the own one; what is the same there still counts.
        let startsWithNetwork = labels.first == LocalityPreference.Label(Locality.networkLabel)
        return places.flatMap { place in
            let topology = place.locality.topologyLabels
            let groups = Dictionary(grouping: place.members) { member -> UInt32 in
                var rank = 0
                for (position, label) in wanted.enumerated() {
                    let value = topology[label.name] ?? endpoints[member].labels[label.name] ?? ""
                    if value == label.value { continue }
                    if position == 0, startsWithNetwork {
                        rank = labels.count
                        continue
                    }
                    rank += labels.count - position
                    break
                }
                return UInt32(clamping: rank)
            }
            return groups.sorted { $0.key < $1.key }.map { rank, members in
                EndpointPlace(locality: place.locality, priority: place.priority + rank, members: members)
            }
        }
    }

    /// Gives places their shares, and leaves out those that have none.
    private func shared(
        _ places: [EndpointPlace],
        of endpoints: [PlacedEndpoint],
        by rules: [LocalityPreference.Distribution]
    ) -> [EndpointPlace] {
        var places = places
        weigh(&places, of: endpoints)
        guard let rule = rules.first(where: { $0.from.matches(locality) }) else { return places }
        var rest = places
        var named: [EndpointPlace] = []
        for share in rule.shares {
            let matching = rest.filter { share.to.matches($0.locality) }
            rest.removeAll { share.to.matches($0.locality) }
            let whole = matching.reduce(0.0) { $0 + Double($1.weight ?? 1) }
            for var place in matching {
                // A share for several places is divided by what they have; nothing is rounded to nothing.
                let part = Double(place.weight ?? 1) * Double(share.percent) / whole
                place.weight = UInt32(min(part.rounded(.up), Double(UInt32.max)))
                named.append(place)
            }
        }
        return named.sorted { $0.locality.precedes($1.locality) }
    }

    /// Gives each place the weight of its endpoints.
    private func weigh(_ places: inout [EndpointPlace], of endpoints: [PlacedEndpoint]) {
        for index in places.indices {
            let weight = places[index].members.reduce(UInt64(0)) { $0 + UInt64(endpoints[$1].weight) }
            places[index].weight = UInt32(clamping: weight)
        }
    }
}

extension [EndpointPlace] {
    /// The same with priorities from 0 on without a gap, in their order.
    fileprivate func compacted() -> [EndpointPlace] {
        let priorities = Set(map(\.priority)).sorted()
        let ranks = Dictionary(uniqueKeysWithValues: priorities.enumerated().map { ($1, UInt32($0)) })
        var places = self
        for index in places.indices { places[index].priority = ranks[places[index].priority] ?? 0 }
        return places.sorted { left, right in
            left.priority == right.priority
                ? left.locality.precedes(right.locality) : left.priority < right.priority
        }
    }
}

extension Locality {
    /// What Istio calls the network that an endpoint is in.
    package static let networkLabel = "topology.istio.io/network"

    /// The labels by which Istio knows a place.
    fileprivate var topologyLabels: [String: String] {
        let labels = [
            "topology.kubernetes.io/region": region, "topology.kubernetes.io/zone": zone,
            "topology.istio.io/subzone": subZone,
        ]
        return labels.filter { !$0.value.isEmpty }
    }

    /// An order, so that equal worlds look equal.
    fileprivate func precedes(_ other: Locality) -> Bool {
        (region, zone, subZone) < (other.region, other.zone, other.subZone)
    }
}
