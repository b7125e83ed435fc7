// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import MeshCore
import MeshResilience

extension Mesh {
    /// Picks an endpoint in a cluster that refuses a share of its requests, has groups of endpoints, or is made of others.
    @inline(never)
    func pickElaborately(
        in selected: ClusterRuntime,
        _ now: MeshInstant,
        _ isHighPriority: Bool,
        _ context: inout CallContext
    ) throws(MeshError) {
        let frequency = context.priorityUpdateFrequency
        var cluster = selected
        var choice: AggregatePicker.Choice?
        if let aggregate = selected.aggregate {
            if frequency > 0 { aggregate.advance(&context.priorityHistory, every: frequency, at: now) }
            var request = PickRequest(at: now, hash: context.hash)
            request.avoidedPriorities = context.priorityHistory.avoided
            guard let chosen = aggregate.choose(for: request) else { throw ClusterRuntime.noEndpoint }
            choice = chosen
            cluster = selected.members[chosen.member]
            context.clusterMember = UInt8(chosen.member + 1)
            context.aggregatePriority = UInt8(clamping: chosen.number)
        } else if frequency > 0 {
            cluster.picker.advance(&context.priorityHistory, every: frequency, at: now)
        }
        try dropShare(of: cluster, context)
        let exceeded = cluster.beginRequest(isHighPriority: isHighPriority)
        do throws(MeshError) {
            if let limit = exceeded { throw cluster.overflow(limit, isHighPriority) }
            let endpoint = try pick(in: cluster, choice, now, &context)
            if frequency > 0 { context.priorityHistory.attempted(choice?.number ?? endpoint.priority) }
            take(endpoint, of: cluster, &context)
        } catch {
            cluster.endRequest(isHighPriority: isHighPriority)
            throw error
        }
    }

    /// Picks among those of a cluster's endpoints that the route means.
    private func pick(
        in cluster: ClusterRuntime,
        _ choice: AggregatePicker.Choice?,
        _ now: MeshInstant,
        _ context: inout CallContext
    ) throws(MeshError) -> EndpointState {
        let subsets = context.selection?.subsets ?? []
        let number = choice?.member ?? 0
        guard subsets.indices.contains(number), let pickers = subsets[number] else {
            return try cluster.pick(by: cluster.picker, in: choice?.priority, at: now, context: &context, mesh: self)
        }
        guard let last = pickers.last else {
            throw MeshError(
                .noHealthyUpstream,
                origin: .local,
                message: "no endpoint has the labels that the route asks for, and the cluster has no fallback for that"
            )
        }
        for picker in pickers.dropLast() {
            // Whoever is asked next may still have one.
            let endpoint = try? cluster.pick(by: picker, in: choice?.priority, at: now, context: &context, mesh: self)
            if let endpoint { return endpoint }
        }
        return try cluster.pick(by: last, in: choice?.priority, at: now, context: &context, mesh: self)
    }

    /// Refuses the shares of requests that the cluster's control plane wants dropped.
    ///
    /// A request is asked for once, and its retries pass: what was let in is to be served, as in Envoy.
    private func dropShare(of cluster: ClusterRuntime, _ context: CallContext) throws(MeshError) {
        guard context.attempt <= 1, context.attemptedEndpoints.isEmpty else { return }
        for drop in cluster.dropOverloads where drop.share.contains(random.next()) {
            cluster.loadStatistics?.dropped(drop.category)
            if !observers.isEmpty {
                let decision = PolicyDecision(.dropOverload, name: drop.category, .refused, because: .chance)
                observers.noticed(.policyActed(decision))
            }
            throw MeshError(
                .dropOverload,
                origin: .local,
                message: "dropped, as the control plane wants of \(drop.share) of the requests: \(drop.category)",
                reason: .chance,
                localReply: LocalReply(status: 503, body: "drop overload")
            )
        }
    }
}

extension ClusterRuntime {
    /// The pickers over the endpoints that a route means by their labels, for each cluster that an endpoint may be of.
    func subsetPickers(for labels: [String: MetadataValue], at now: MeshInstant) -> [[PriorityPicker]?] {
        let clusters = aggregate == nil ? [self] : members
        guard clusters.contains(where: { $0.subsets != nil }) else { return [] }
        return clusters.map { $0.subsets?.pickers(for: labels, at: now) }
    }
}
