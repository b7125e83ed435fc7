// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import MeshCore
import Testing

@Suite struct ClusterTests {
    @Test func `load balancing is compared by policy and parameters`() {
        let least = Cluster.LoadBalancing(LeastRequest(choiceCount: 2))
        #expect(least == Cluster.LoadBalancing(LeastRequest(choiceCount: 2)))
        #expect(least != Cluster.LoadBalancing(LeastRequest(choiceCount: 3)))
        #expect(least != Cluster.LoadBalancing(RoundRobin()))
    }

    @Test func `an assignment is found under the service's name or the cluster's`() {
        #expect(Cluster(name: "c").endpointAssignmentName == "c")
        let named = Cluster(name: "c", discovery: .endpointDiscovery(serviceName: "s"))
        let assignment = EndpointAssignment(name: "s", addresses: [EndpointAddress(host: "e", port: 1)])
        let resources = MeshResources(clusters: [named], endpointAssignments: [assignment])
        #expect(named.endpointAssignmentName == "s" && resources.endpoints(of: named) == assignment)
        let fixed = Cluster(name: "c", discovery: .fixed(assignment))
        #expect(fixed.endpointAssignmentName == nil && resources.endpoints(of: fixed) == assignment)
    }

    @Test func `healthy and unknown endpoints are used, degraded ones where these are too few, others not`() {
        let all: [HealthStatus] = [.unknown, .healthy, .degraded, .unhealthy, .draining, .timeout]
        let meanings: [EndpointHealth] = [.healthy, .healthy, .degraded, .unhealthy, .unhealthy, .unhealthy]
        #expect(all.map(\.endpointHealth) == meanings)
    }
}
