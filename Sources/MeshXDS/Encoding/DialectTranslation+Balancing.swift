// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig

extension DialectTranslation {
    /// What clients of another dialect can balance by: as the policy's codec says, and round robin in place of what
    /// they refuse, or what xDS has no message for.
    mutating func translate(_ balancing: inout Cluster.LoadBalancing, _ path: String) {
        let policy = balancing.policy
        guard let offer = registry.offer(policy, to: dialect), let offered = offer.balancing else {
            report(path, "\(dialect.clients) refuse \(policy.name); they get round_robin")
            balancing = Cluster.LoadBalancing(RoundRobin())
            return
        }
        for reason in offer.reasons { report(path, reason) }
        balancing = offered
    }
}

extension ExtensionRegistry {
    /// What the codec says that knows the policy; `nil` if none does.
    fileprivate func offer(_ policy: any LoadBalancingPolicy, to dialect: Dialect) -> LoadBalancingOffer? {
        for codec in loadBalancing {
            if let offer = codec.offer(policy, to: dialect) { return offer }
        }
        return nil
    }
}

extension Dialect {
    /// Who speaks it, in words.
    fileprivate var clients: String {
        switch self {
        case .own: "clients of this library"
        case .envoy: "Envoy clients"
        case .grpc: "gRPC clients"
        }
    }
}
