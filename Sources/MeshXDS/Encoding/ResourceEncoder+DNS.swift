// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import MeshCore
import SwiftProtobuf

extension Envoy_Config_Cluster_V3_Cluster {
    /// Encodes how the names of the cluster's endpoints are looked up, in the fields that every Envoy and gRPC knows.
    ///
    /// A logical cluster has one endpoint; one that lost it on the way to this client is a strict cluster without any.
    mutating func set(_ settings: DNSDiscovery, of assignment: EndpointAssignment) {
        let hasOneEndpoint = assignment.localities.count == 1 && assignment.localities.first?.endpoints.count == 1
        type = settings.kind == .logical && hasOneEndpoint ? .logicalDns : .strictDns
        let standard = DNSDiscovery(kind: settings.kind)
        if settings.refreshInterval != standard.refreshInterval {
            dnsRefreshRate = Google_Protobuf_Duration(settings.refreshInterval)
        }
        if let backoff = settings.failureBackoff {
            dnsFailureRefreshRate.baseInterval = Google_Protobuf_Duration(backoff.base)
            dnsFailureRefreshRate.maxInterval = Google_Protobuf_Duration(backoff.maximum)
        }
        if settings.jitter > .zero { dnsJitter = Google_Protobuf_Duration(settings.jitter) }
        respectDnsTtl = settings.respectsTTL
        dnsLookupFamily =
            switch settings.lookupFamily {
            case .automatic: .auto
            case .version4Only: .v4Only
            case .version6Only: .v6Only
            case .version4Preferred: .v4Preferred
            case .all: .all
            }
    }
}
