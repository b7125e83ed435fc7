// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import MeshCore

extension DialectTranslation {
    /// How the priorities, localities and groups of a cluster's endpoints share its traffic, as far as a client knows that.
    mutating func translateStructure(of cluster: inout Cluster, _ path: String) {
        // Those that come by EDS are looked at one by one.
        switch cluster.discovery {
        case .fixed(var assignment):
            translateDrops(of: &assignment, path + ".load_assignment")
            cluster.discovery = .fixed(assignment)
        case .dns(var assignment, let settings):
            translateDrops(of: &assignment, path + ".load_assignment")
            cluster.discovery = .dns(assignment, settings)
        case .endpointDiscovery, .aggregate, .originalDestination: break
        }
        if case .failover = cluster.priorities, dialect != .grpc {
            report(path + ".priorities", "xDS has no field for failing over at once; traffic spills over")
            cluster.priorities = .spill
        }
        if dialect != .grpc, !isSaid(cluster.localities, of: cluster) {
            let policy = cluster.loadBalancing.policy.name
            report(path + ".localities", "\(policy) has no field for it; weights count where there are any")
            cluster.localities = .weighted
        }
        guard dialect == .grpc else { return }
        cluster.priorities = .spill
        if cluster.localities != .weighted {
            report(path + ".localities", "gRPC clients heed the weights of localities, and nothing else")
            cluster.localities = .weighted
        }
        if cluster.subsets != nil {
            report(path + ".subsets", "gRPC clients know no subsets; they use all endpoints")
            cluster.subsets = nil
        }
        if !cluster.overrideHostHeaders.isEmpty {
            report(path + ".overrideHostHeaders", "gRPC clients do not let requests name their endpoints")
            cluster.overrideHostHeaders = []
        }
    }

    /// Whether the messages of a cluster can say how its localities share the traffic.
    ///
    /// Where nothing is said weights count for clients of this library, and do not for Envoy.
    private func isSaid(_ localities: LocalityBalancing, of cluster: Cluster) -> Bool {
        guard cluster.members.isEmpty else { return true }
        switch localities {
        case .weighted: return true
        case .unweighted: return dialect == .envoy
        case .zoneAware:
            for codec in registry.loadBalancing {
                guard let plain = try? codec.encode(cluster.loadBalancing.policy, by: registry) else { continue }
                var message = plain
                return (try? codec.set(localities, in: &message)) != nil && message != plain
            }
            return false
        }
    }

    /// Which shares of requests are refused, as far as a client knows that.
    mutating func translateDrops(of assignment: inout EndpointAssignment, _ path: String) {
        guard dialect == .envoy, assignment.dropOverloads.count > 1 else { return }
        report(path + ".policy.drop_overloads", "Envoy takes one only; the first is sent")
        assignment.dropOverloads.removeLast(assignment.dropOverloads.count - 1)
    }
}
