// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// The endpoints of one priority of a cluster.
public struct PriorityGroup: Sendable {
    /// The endpoints of one place.
    public struct Place: Sendable {
        /// Which place it is.
        public var locality: Locality
        /// Its weight among the places of the priority; `nil` if places are not weighted.
        public var weight: UInt32?
        /// The endpoints.
        public var endpoints: [EndpointState]

        /// Creates a place.
        public init(locality: Locality = Locality(), weight: UInt32? = nil, endpoints: [EndpointState]) {
            self.locality = locality
            self.weight = weight
            self.endpoints = endpoints
        }
    }

    /// The places.
    public var places: [Place]

    /// Creates a priority.
    public init(_ places: [Place]) {
        self.places = places
    }

    /// The endpoints of all places.
    public var endpoints: [EndpointState] {
        places.flatMap(\.endpoints)
    }

    /// Whether both have the very same endpoints in the same places.
    public func isSame(as other: PriorityGroup) -> Bool {
        places.elementsEqual(other.places) { first, second in
            first.locality == second.locality && first.weight == second.weight
                && first.endpoints.elementsEqual(second.endpoints, by: ===)
        }
    }

    /// Whether the places have weights that can be heeded: not if one of them has none, because then they cannot be compared.
    var isWeighted: Bool {
        places.count > 1 && places.allSatisfy { $0.weight != nil }
    }

    /// The endpoints for which that holds, in the same places.
    public func filtered(_ isIncluded: (EndpointState) -> Bool) -> PriorityGroup {
        PriorityGroup(
            places.map { place in
                var place = place
                place.endpoints.removeAll { !isIncluded($0) }
                return place
            }
        )
    }
}
