// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import MeshCore

extension ResourceGenerator {
    /// Where the endpoints of a cluster come from.
    mutating func discovery(_ name: String) -> Cluster.Discovery {
        switch below(10) {
        case 0: .fixed(assignment(name))
        case 1: .dns(names(name, 1 + below(4)), lookups(.strict))
        case 2: .dns(names(name, 1), lookups(.logical))
        default: .endpointDiscovery(serviceName: chance() ? "endpoints of \(name)" : nil)
        }
    }

    private mutating func names(_ name: String, _ count: Int) -> EndpointAssignment {
        let endpoints = (0..<count).map { number -> ClusterEndpoint in
            let host = pick(["h\(number).example", "10.0.0.\(number)"])
            return ClusterEndpoint(
                EndpointAddress(host: host, port: UInt16(1 + below(65_535))),
                weight: UInt32(1 + below(5)),
                hostname: chance() ? "served.example" : ""
            )
        }
        return EndpointAssignment(name: name, localities: [LocalityEndpoints(endpoints: endpoints)])
    }

    private mutating func lookups(_ kind: DNSDiscovery.Kind) -> DNSDiscovery {
        DNSDiscovery(
            kind: kind,
            refreshInterval: pick([.seconds(5), .milliseconds(2), .seconds(60)]),
            failureBackoff: pick([
                nil, .init(base: .seconds(1)), .init(base: .milliseconds(2), maximum: .milliseconds(2)),
            ]),
            jitter: pick([.zero, .milliseconds(700)]),
            respectsTTL: chance(),
            lookupFamily: pick(DNSLookupFamily.allCases)
        )
    }
}
