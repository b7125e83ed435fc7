// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import MeshCore

extension Cluster.Discovery {
    /// The endpoints of a manifest: those with names are looked up where the manifest says so.
    ///
    /// A subset may have no endpoint left, and a Unix domain socket has no name: such clusters keep what they have.
    init(_ assignment: EndpointAssignment, lookup: DNSDiscovery.Kind?) {
        let endpoints = assignment.localities.flatMap(\.endpoints)
        guard let lookup, !endpoints.isEmpty, endpoints.allSatisfy({ $0.address.port != nil }),
            endpoints.contains(where: { $0.address.hostName != nil }), lookup == .strict || endpoints.count == 1
        else {
            self = .fixed(assignment)
            return
        }
        self = .dns(assignment, .istio(lookup))
    }
}

extension DNSDiscovery {
    /// How Istio has its proxies look names up: every 60 s (`MeshConfig.dnsRefreshRate`), or as the answer's time to live
    /// says. Its proxies with version 4 addresses ask for those only; one that has both can reach the others, too.
    static func istio(_ kind: Kind) -> DNSDiscovery {
        DNSDiscovery(
            kind: kind,
            refreshInterval: .seconds(60),
            respectsTTL: true,
            lookupFamily: .version4Preferred
        )
    }
}
