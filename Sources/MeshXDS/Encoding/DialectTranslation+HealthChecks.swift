// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import MeshCore

extension DialectTranslation {
    /// What other clients check by themselves: gRPC's know no active checks, and Envoy calls only where HTTP/2 is spoken.
    mutating func translateHealthCheck(of cluster: inout Cluster, _ path: String) {
        guard let check = cluster.healthCheck else { return }
        switch dialect {
        case .own: return
        case .grpc: report(path + ".health_checks", "gRPC clients have no active health checks; it is not sent")
        case .envoy:
            guard case .grpc = check.kind, cluster.connection.httpVersion == .http1 else { return }
            report(path + ".health_checks", "Envoy refuses gRPC checks in clusters of HTTP/1.1; it is not sent")
        }
        cluster.healthCheck = nil
    }

    /// The same for what endpoints have of their own.
    mutating func translateHealthChecks(of assignment: inout EndpointAssignment, _ path: String) {
        guard dialect == .grpc else { return }
        var isNews = false
        for place in assignment.localities.indices {
            for number in assignment.localities[place].endpoints.indices {
                let none = EndpointHealthCheck()
                guard assignment.localities[place].endpoints[number].healthCheck != none else { continue }
                assignment.localities[place].endpoints[number].healthCheck = none
                isNews = true
            }
        }
        if isNews { report(path + ".health_check_config", "gRPC clients have no active health checks; it is not sent") }
    }
}
