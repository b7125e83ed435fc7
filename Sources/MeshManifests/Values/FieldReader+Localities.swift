// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshCore

extension FieldReader {
    /// The most elements of a list of places, regions or labels: each is looked at for each endpoint.
    private static let maximumRules = 256

    private static let topologyLabels: Set = [
        "topology.kubernetes.io/region", "topology.kubernetes.io/zone", "topology.istio.io/subzone",
    ]

    /// A `LocalityLoadBalancerSetting`, with the checks of Istio's admission.
    mutating func localityPreference(ejects: Bool) -> LocalityPreference? {
        let isEnabled = boolean("enabled") ?? true
        let distributions = distributions()
        let failover = failover()
        if has("distribute"), has("failover") {
            context.error(
                .conflictingFields,
                at: keyPosition("failover"),
                "places either share requests out or fail over: distribute and failover exclude each other"
            )
        }
        if !failover.regions.isEmpty { refuseTopology("with failover regions are named there") }
        if isEnabled, distributions.isEmpty { reportUnnoticed(failover, ejects: ejects) }
        if !distributions.isEmpty, !failover.labels.isEmpty {
            context.warning(
                .noEffect,
                at: keyPosition("failoverPriority"),
                "with distribute nobody fails over"
            )
        }
        guard isEnabled else { return LocalityPreference.none }
        return distributions.isEmpty ? .nearest(failover) : .shared(distributions)
    }

    /// A `ZoneAwareLoadBalancerSetting`.
    mutating func zonePreference(ejects: Bool) -> LocalityPreference? {
        let isEnabled = boolean("enabled") ?? true
        let failover = failover()
        let size = integer("minClusterSize", in: 1...Int(UInt32.max))
        refuseTopology("regions and zones are heeded in any case")
        guard isEnabled else { return LocalityPreference.none }
        reportUnnoticed(failover, ejects: ejects)
        var zones = ZoneAware()
        if let size { zones.minimumClusterSize = UInt64(size.value) }
        return .zoneAware(zones, failover)
    }

    private func reportUnnoticed(_ failover: LocalityPreference.Failover, ejects: Bool) {
        guard failover.isSaid, !ejects else { return }
        context.warning(
            .noEffect,
            at: keyPosition(failover.regions.isEmpty ? "failoverPriority" : "failover"),
            "without outlierDetection nobody notices that there is a reason to fail over"
        )
    }

    private mutating func refuseTopology(_ reason: String) {
        for label in texts("failoverPriority") where Self.topologyLabels.contains(label.value) {
            context.error(.conflictingFields, at: label.position, "\(label.value) must not be here: \(reason)")
        }
    }

    private mutating func failover() -> LocalityPreference.Failover {
        let regions = mappings("failover") { $0.regionFailover() }
        let labels = texts("failoverPriority").compactMap { priorityLabel($0) }
        return LocalityPreference.Failover(
            labels: bounded(labels, "failoverPriority"),
            regions: bounded(regions, "failover")
        )
    }

    private func bounded<Element>(_ elements: [Element], _ name: String) -> [Element] {
        if elements.count > Self.maximumRules {
            context.error(
                .invalidValue,
                at: keyPosition(name),
                "\(name) has \(elements.count) elements, more than \(Self.maximumRules)"
            )
        }
        return Array(elements.prefix(Self.maximumRules))
    }

    private mutating func regionFailover() -> LocalityPreference.Region? {
        let from = requiredText("from")
        let to = requiredText("to")
        guard let from, let to else { return nil }
        for region in [from, to] where region.value.contains("/") || region.value.contains("*") {
            context.error(.invalidValue, at: region.position, "\(region.value) is not the name of one region")
            return nil
        }
        guard from.value != to.value else {
            context.error(.invalidValue, at: to.position, "\(to.value) is the region that is failed over from")
            return nil
        }
        return LocalityPreference.Region(from: from.value, to: to.value)
    }

    /// A name, or `name=value`.
    private func priorityLabel(_ label: Located<String>) -> LocalityPreference.Label? {
        let parts = label.value.split(separator: "=", omittingEmptySubsequences: false).map(String.init)
        guard let name = parts.first, !name.isEmpty, parts.count <= 2 else {
            context.error(.invalidValue, at: label.position, "\(label.value) is neither a label's name nor name=value")
            return nil
        }
        return LocalityPreference.Label(name, value: parts.count == 2 ? parts[1] : nil)
    }

    private mutating func distributions() -> [LocalityPreference.Distribution] {
        var origins: [LocalityPattern] = []
        let rules = mappings("distribute") { fields -> LocalityPreference.Distribution? in
            let from = fields.requiredText("from")
            let shares = fields.shares()
            guard let from else { return nil }
            guard let pattern = fields.pattern(from.value, at: from.position, apartFrom: origins) else { return nil }
            origins.append(pattern)
            return LocalityPreference.Distribution(from: pattern, shares: shares)
        }
        return bounded(rules, "distribute")
    }

    private mutating func shares() -> [LocalityPreference.Share] {
        if !has("to") { reportMissing("to") }
        var shares: [LocalityPreference.Share] = []
        for entry in pairs("to") {
            guard case .scalar(let scalar) = entry.value.content, scalar.isPlain, let percent = scalar.integer,
                (1...100).contains(percent)
            else {
                context.error(
                    .invalidValue,
                    at: entry.value.position,
                    "the weight of \(entry.key) must be a whole number from 1 to 100"
                )
                continue
            }
            guard let pattern = pattern(entry.key, at: entry.position, apartFrom: shares.map(\.to)) else { continue }
            shares.append(LocalityPreference.Share(pattern, percent: UInt32(percent)))
        }
        let sum = shares.reduce(0) { $0 + $1.percent }
        if sum != 100, shares.count == pairs("to").count, !shares.isEmpty {
            context.error(.invalidValue, at: keyPosition("to"), "the weights sum to \(sum), and must sum to 100")
        }
        return bounded(shares, "to")
    }

    private func pattern(
        _ text: String,
        at position: SourcePosition,
        apartFrom others: [LocalityPattern]
    ) -> LocalityPattern? {
        guard let pattern = LocalityPattern(text) else {
            context.error(
                .invalidValue,
                at: position,
                "\(text) is no place: it must be region/zone/subzone, with * at the end for all that there are"
            )
            return nil
        }
        if let other = others.first(where: pattern.overlaps) {
            context.error(.conflictingFields, at: position, "\(text) overlaps with \(other), which stands before it")
            return nil
        }
        return pattern
    }
}
