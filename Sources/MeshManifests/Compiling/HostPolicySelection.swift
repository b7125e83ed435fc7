// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshRouting

/// What a client's policies say about one service: the policy of the whole, and its subsets.
struct HostPolicySelection: Sendable {
    /// A subset with its name as it is part of the cluster's.
    struct NamedSubset: Sendable {
        var name: String
        var labels: [String: String]
        /// What the subset says beyond the whole service's policy.
        var policy: TrafficPolicy
    }

    private(set) var policy = TrafficPolicy()
    private(set) var subsets: [NamedSubset] = []
    private let legacy: [DestinationPolicy]

    init(_ service: MeshService, manifests: PreparedManifests, client: Client) {
        let chosen = Self.policies(for: service, manifests: manifests, client: client)
        // Policies of the first API are in force only where nobody uses the present one.
        legacy =
            chosen.isEmpty
            ? manifests.byHost.destinationPolicies.elements(for: service.host).map(\.element)
                .filter { client.meets($0.source) } : []
        policy = chosen.first { $0.policy != TrafficPolicy() }?.policy ?? TrafficPolicy()
        for subset in chosen.flatMap(\.subsets) where !subsets.contains(where: { $0.name == subset.name.value }) {
            subsets.append(NamedSubset(name: subset.name.value, labels: subset.labels, policy: subset.policy))
        }
        for share in manifests.byHost.shares.elements(for: service.host).map(\.element) {
            if case .labels(let labels) = share.subset { addSubset(labels) }
        }
        for policy in legacy where !policy.labels.isEmpty { addSubset(policy.labels) }
    }

    /// The name of the subset with these labels.
    func name(of labels: [String: String]) -> String {
        subsets.first { $0.labels == labels }?.name ?? ClusterName.subset(of: labels)
    }

    /// What holds for the whole service, or for a subset, on a port.
    func policy(of subset: NamedSubset?, service: MeshService, port: UInt16) -> TrafficPolicy {
        let own = subset?.policy.forPort(port) ?? TrafficPolicy()
        let whole = own.over(policy.forPort(port))
        return legacy.filter { $0.applies(to: subset, of: service) }.reduce(whole) { $0.over($1.policy) }
    }

    /// By what requests find the same endpoint again: the subset's word before the whole service's, and of each what it
    /// says for a port before the rest.
    /// - Parameter port: The port that the destination names; what is said for a port counts only then, as in Istio.
    func hash(of subset: SubsetSelector, port: UInt16?) -> HashPolicy? {
        let chosen: NamedSubset? =
            switch subset {
            case .whole: nil
            case .named(let name): subsets.first { $0.name == name.value }
            case .labels(let labels): subsets.first { $0.labels == labels }
            }
        let policies = [chosen?.policy, policy].compactMap(\.self)
        return policies.lazy.compactMap { policy in
            port.flatMap { policy.ports[$0]?.hash } ?? policy.hash
        }.first
    }

    private mutating func addSubset(_ labels: [String: String]) {
        guard !subsets.contains(where: { $0.labels == labels }) else { return }
        subsets.append(NamedSubset(name: ClusterName.subset(of: labels), labels: labels, policy: TrafficPolicy()))
    }

    /// The policies of the client's namespace, else of the service's, else of the root namespace; of those the ones
    /// with the most specific host (Istio's order of DestinationRules).
    private static func policies(
        for service: MeshService,
        manifests: PreparedManifests,
        client: Client
    ) -> [HostPolicy] {
        let candidates = manifests.byHost.hostPolicies.elements(for: service.host).map(\.element).filter { policy in
            guard policy.visibility.includes(client.node.namespace) else { return false }
            guard let wanted = policy.clientLabels else { return true }
            // A selector looks at workloads of its own namespace only.
            return policy.metadata.namespace == client.node.namespace && client.labels.satisfies(wanted)
        }
        for namespace in [client.node.namespace, service.namespace, manifests.security.rootNamespace] {
            let own = candidates.filter { $0.metadata.namespace == namespace }
            guard let best = own.map(\.host.value.specificity).max() else { continue }
            let fitting = own.filter { $0.host.value.specificity == best }
            // What is for certain clients comes before what is for all.
            return fitting.filter { $0.clientLabels != nil } + fitting.filter { $0.clientLabels == nil }
        }
        return []
    }
}

extension DestinationPolicy {
    /// Whether it is about a subset, or about the whole service: because it has no labels, or because every workload of
    /// the service has them.
    fileprivate func applies(to subset: HostPolicySelection.NamedSubset?, of service: MeshService) -> Bool {
        if let subset { return subset.labels.satisfies(labels) }
        return labels.isEmpty
            || !service.workloads.isEmpty && service.workloads.allSatisfy { $0.labels.satisfies(labels) }
    }
}
