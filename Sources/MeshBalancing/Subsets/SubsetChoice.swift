// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// Which endpoints of a cluster a request goes to.
struct SubsetFilter: Hashable, Sendable {
    /// The labels that they have; none for all endpoints.
    var labels: [String: MetadataValue] = [:]
    /// Whether only the first one is meant.
    var isSingle = false

    static let anyEndpoint = SubsetFilter()
}

extension SubsetBalancing {
    /// Under which criterion further criteria stand.
    private static let fallbackList = "fallback_list"

    /// The groups that criteria lead to: an endpoint of the first is picked, and of the next if it has none to use.
    /// - Parameter isOccupied: Whether a group has an endpoint, whatever its health.
    func choose(_ criteria: [String: MetadataValue], where isOccupied: (SubsetFilter) -> Bool) -> [SubsetFilter] {
        guard readsFallbackLists, case .list(let list)? = criteria[Self.fallbackList] else {
            return chooseOnce(criteria, where: isOccupied)
        }
        let common = criteria.filter { $0.key != Self.fallbackList }
        if list.isEmpty { return chooseOnce(common, where: isOccupied) }
        return list.flatMap { entry -> [SubsetFilter] in
            guard case .fields(let others) = entry else { return chooseOnce(common, where: isOccupied) }
            return chooseOnce(common.merging(others) { $1 }, where: isOccupied)
        }
    }

    private func chooseOnce(
        _ criteria: [String: MetadataValue],
        where isOccupied: (SubsetFilter) -> Bool
    ) -> [SubsetFilter] {
        var known = criteria
        if allowsRedundantKeys, let selector = selectors.first(where: { $0.keys.isSubset(of: criteria.keys) }) {
            known = criteria.filter { selector.keys.contains($0.key) }
        }
        if !known.isEmpty, let selector = selectors.first(where: { $0.keys == Set(known.keys) }) {
            let group = SubsetFilter(labels: known, isSingle: selector.hasSingleEndpoint)
            if isOccupied(group) { return [group] }
            switch selector.fallback {
            case .ofCluster: break
            case .none: return []
            case .anyEndpoint: return [.anyEndpoint]
            case .defaultSubset: return [SubsetFilter(labels: defaultSubset)]
            // Fewer keys each time, so that it comes to an end.
            case .keys(let keys): return chooseOnce(known.filter { keys.contains($0.key) }, where: isOccupied)
            }
        }
        switch fallback {
        case .none: return []
        case .anyEndpoint: return [.anyEndpoint]
        case .defaultSubset:
            let standard = SubsetFilter(labels: defaultSubset)
            return panicUsesAnyEndpoint ? [standard, .anyEndpoint] : [standard]
        }
    }

    /// Whether an endpoint with these labels belongs to a group.
    func matches(_ labels: [String: MetadataValue], _ group: SubsetFilter) -> Bool {
        group.labels.allSatisfy { key, value in
            guard let own = labels[key] else { return false }
            if readsListsAsAny, case .list(let values) = own { return values.contains(value) }
            return own == value
        }
    }
}
