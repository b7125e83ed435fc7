// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig

extension DialectTranslation {
    /// What gRPC clients can balance by: round robin, or a ring of XXH64 of addresses.
    mutating func translate(_ balancing: inout Cluster.LoadBalancing, _ path: String) {
        if balancing.policy is RoundRobin { return }
        guard var ring = balancing.policy as? RingHash else {
            report(path, "gRPC clients refuse \(balancing.policy.name); they get round_robin")
            balancing = Cluster.LoadBalancing(RoundRobin())
            return
        }
        if ring.function != .xxHash { report(path, "gRPC clients hash by XXH64 only") }
        if ring.key != .address { report(path, "gRPC clients know endpoints by their addresses") }
        if ring.balanceFactor != nil {
            report(path, "gRPC clients know no bound of an endpoint's load; it is not sent")
        }
        ring.function = .xxHash
        ring.key = .address
        ring.balanceFactor = nil
        balancing = Cluster.LoadBalancing(ring)
    }
}
