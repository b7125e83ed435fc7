// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import MeshCore

extension RuntimeBuilder {
    /// Compiles a cluster that is made of others, or takes over the one that runs.
    func build(
        _ cluster: Cluster,
        of members: [ClusterRuntime],
        replacing previous: ClusterRuntime?,
        pool: inout PolicyPool
    ) -> ClusterRuntime {
        let health = previous?.live.health ?? signal(of: cluster)
        let live = liveState(of: cluster, [], health, replacing: previous)
        let policies = TrafficPolicyRuntime(
            cluster.policies,
            place: "cluster \(cluster.name)",
            name: cluster.name,
            budget: live.retryBudget,
            pool: &pool
        )
        if let previous, previous.cluster == cluster, previous.members.elementsEqual(members, by: ===) {
            return previous
        }
        let settings = BalancingSettings(panicThreshold: cluster.panicThreshold, priorities: cluster.priorities)
        return ClusterRuntime(
            cluster: cluster,
            live: live,
            policies: policies,
            groups: [],
            picker: PriorityPicker(
                [],
                policy: cluster.loadBalancing.policy,
                settings: settings,
                signal: health,
                random: random,
                at: clock.now
            ),
            members: members,
            aggregate: AggregatePicker(members.map(\.picker), settings: settings, random: random, at: clock.now)
        )
    }
}
