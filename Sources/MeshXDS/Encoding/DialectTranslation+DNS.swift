// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import MeshCore

extension DialectTranslation {
    /// What clients can look up: everything but the time-out, which xDS has no field for; gRPC one name a cluster, in its
    /// own time (gRFC A37). Of what it cannot look up, the IP addresses are left.
    mutating func translateNames(of cluster: inout Cluster, _ path: String) {
        if dialect == .envoy, case .fixed(var assignment) = cluster.discovery, assignment.hasNames {
            for position in assignment.localities.indices {
                assignment.localities[position].endpoints.removeAll { endpoint in
                    guard endpoint.address.port == nil else { return false }
                    report(path, "the endpoint \(endpoint.address) is left out: Envoy takes no socket beside names")
                    return true
                }
            }
            cluster.discovery = .fixed(assignment)
        }
        guard case .dns(let assignment, var settings) = cluster.discovery else { return }
        if settings.lookupTimeout != DNSDiscovery().lookupTimeout {
            report(path + ".dns.lookup_timeout", "xDS has no field for it; it is not sent")
            settings.lookupTimeout = DNSDiscovery().lookupTimeout
        }
        guard dialect == .grpc else {
            cluster.discovery = .dns(assignment, settings)
            return
        }
        let endpoints = assignment.localities.flatMap(\.endpoints)
        guard endpoints.count == 1, assignment.localities.count == 1 else {
            report(path + ".type", "gRPC clients look up one name a cluster: endpoints that are names are left out")
            cluster.discovery = .fixed(assignment)
            return
        }
        if settings.kind == .strict {
            report(path + ".type", "gRPC clients refuse STRICT_DNS; they get LOGICAL_DNS")
        }
        settings.kind = .logical
        if settings != .logical {
            report(path + ".dns_refresh_rate", "gRPC clients look names up in their own way; the settings are not sent")
        }
        cluster.discovery = .dns(assignment, .logical)
    }
}
