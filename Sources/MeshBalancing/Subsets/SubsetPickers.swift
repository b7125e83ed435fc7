// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore
import Synchronization

/// The pickers of those groups of a cluster's endpoints that routes ask for.
///
/// Routes' criteria are known when they are compiled, so that groups nobody asks for cost nothing.
public final class SubsetPickers: Sendable {
    private let subsets: SubsetBalancing
    private let groups: [PriorityGroup]
    private let policy: any LoadBalancingPolicy
    private let settings: BalancingSettings
    private let signal: ClusterSignal
    private let random: MeshRandom
    private let made = Mutex<[SubsetFilter: PriorityPicker]>([:])

    /// Creates the pickers of a cluster; the parameters are those of `PriorityPicker`.
    public init(
        _ subsets: SubsetBalancing,
        _ groups: [PriorityGroup],
        policy: any LoadBalancingPolicy,
        settings: BalancingSettings,
        signal: ClusterSignal,
        random: MeshRandom
    ) {
        self.subsets = subsets
        self.groups = groups
        self.policy = policy
        self.settings = settings
        self.signal = signal
        self.random = random
    }

    /// The pickers that requests with these criteria ask, one after the other until one has an endpoint.
    /// - Complexity: O(endpoints).
    public func pickers(for criteria: [String: MetadataValue], at now: MeshInstant) -> [PriorityPicker] {
        subsets.choose(criteria) { filter in
            groups.contains { $0.places.contains { $0.endpoints.contains { subsets.matches($0.labels, filter) } } }
        }.map { picker(for: $0, at: now) }
    }

    private func picker(for filter: SubsetFilter, at now: MeshInstant) -> PriorityPicker {
        if let picker = made.withLock({ $0[filter] }) { return picker }
        var settings = settings
        if settings.localities == .weighted, !subsets.heedsLocalityWeights { settings.localities = .unweighted }
        // Its only endpoint is used whatever its health.
        if filter.isSingle { settings.panicThreshold = 100 }
        let picker = PriorityPicker(
            endpoints(of: filter),
            policy: policy,
            settings: settings,
            signal: signal,
            random: random,
            at: now
        )
        return made.withLock { made in
            if let known = made[filter] { return known }
            made[filter] = picker
            return picker
        }
    }

    private func endpoints(of filter: SubsetFilter) -> [PriorityGroup] {
        var isFull = false
        return groups.map { group in
            var part = group.filtered { endpoint in
                guard !isFull, subsets.matches(endpoint.labels, filter) else { return false }
                isFull = filter.isSingle
                return true
            }
            guard subsets.scalesLocalityWeights else { return part }
            for place in part.places.indices {
                let (some, all) = (part.places[place].endpoints.count, group.places[place].endpoints.count)
                guard let weight = part.places[place].weight, all > 0 else { continue }
                part.places[place].weight = UInt32((Double(weight) * Double(some) / Double(all)).rounded())
            }
            return part
        }
    }
}
