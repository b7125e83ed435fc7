// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore

extension DialectTranslation {
    /// Names the proxy at each endpoint: older Envoys do not know the cluster's, and would connect directly.
    mutating func translateProxy(of cluster: inout Cluster, _ path: String) {
        guard cluster.proxy != .direct else { return }
        guard dialect == .envoy else {
            cluster.proxy = .direct
            report(path + ".proxy", "gRPC clients refuse such clusters; they connect directly")
            return
        }
        guard var assignment = resources.endpoints(of: cluster) else {
            cluster.proxy = .ofEndpoint
            return
        }
        let original = assignment
        for position in assignment.localities.indices {
            assignment.localities[position].endpoints = assignment.localities[position].endpoints.compactMap {
                endpoint in
                var endpoint = endpoint
                endpoint.proxy = cluster.proxy.address(for: endpoint)
                guard let proxy = endpoint.proxy, proxy.port != nil, !proxy.isIPAddress else { return endpoint }
                report(path + ".proxy", "the endpoint \(endpoint.address) is left out: Envoy takes no names of proxies")
                return nil
            }
        }
        cluster.proxy = .ofEndpoint
        guard assignment != original else { return }
        switch cluster.discovery {
        case .fixed: cluster.discovery = .fixed(assignment)
        case .dns(_, let settings): cluster.discovery = .dns(assignment, settings)
        case .endpointDiscovery:
            // Other clusters may have the same endpoints and another proxy.
            assignment.name = Self.freeName(cluster.name + "/proxied", among: resources.endpointAssignments)
            add(assignment)
            cluster.discovery = .endpointDiscovery(serviceName: assignment.name)
        case .aggregate, .originalDestination: break
        }
    }

    private static func freeName(_ name: String, among taken: [String: EndpointAssignment]) -> String {
        var free = name
        while taken[free] != nil { free += "+" }
        return free
    }
}

extension ConnectionOptions {
    /// Whether it says nothing beyond the version of HTTP.
    var isOfHTTPVersionOnly: Bool { self == ConnectionOptions(httpVersion: httpVersion) }
}
