// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import MeshCore

/// An endpoint of a cluster with what makes it near or far.
struct LocatedEndpoint: Sendable {
    var endpoint: ClusterEndpoint
    var place: PlacedEndpoint

    init(_ endpoint: ClusterEndpoint, _ locality: Locality, labels: [String: String]) {
        self.endpoint = endpoint
        place = PlacedEndpoint(locality, labels: labels, weight: endpoint.weight)
    }
}

extension LocalityViewpoint {
    /// The endpoints of a cluster as this client is to have them.
    ///
    /// Places have weights where Istio wants them heeded (`locality_weighted_lb_config`), since clients of this library
    /// heed what is there; gRPC, which needs some, is given the sums of the endpoints'.
    func localities(
        of endpoints: [LocatedEndpoint],
        by preference: LocalityPreference,
        failsOver: Bool
    ) -> [LocalityEndpoints] {
        places(of: endpoints.map(\.place), by: preference, failsOver: failsOver).map { place in
            LocalityEndpoints(
                locality: place.locality,
                priority: place.priority,
                weight: place.weight,
                endpoints: place.members.map { endpoints[$0].endpoint }
            )
        }
    }
}
