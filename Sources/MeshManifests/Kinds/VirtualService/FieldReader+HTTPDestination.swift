// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

extension FieldReader {
    /// The weighted destinations of a rule; `nil` if the field is absent or nothing in it can be used.
    mutating func trafficShares(_ name: String, namespace: String) -> [TrafficShare]? {
        guard let count = elements(name)?.count else { return nil }
        let shares = mappings(name) { fields -> TrafficShare? in
            let position = fields.position
            let weight = fields.integer("weight", in: 0...Int(UInt32.max))
            let destination = fields.requiredMapping("destination") { $0.destination(namespace: namespace) }
            let headers = fields.mapping("headers") { $0.headerOperations() }
            guard let destination else { return nil }
            if weight == nil, fields.value("weight") != nil { return nil }
            // A single destination without a weight gets everything.
            let share = weight.map { UInt32($0.value) } ?? (count == 1 ? 1 : 0)
            return TrafficShare(destination: destination, weight: share, headers: headers, position: position)
        }
        guard shares.count == count, count > 0 else {
            if count == 0 { context.error(.missingField, at: keyPosition(name), "\(name) has no destination") }
            return nil
        }
        return checkedWeights(shares, at: keyPosition(name))
    }

    /// The shares, if traffic can be split by their weights.
    private func checkedWeights(_ shares: [TrafficShare], at position: SourcePosition) -> [TrafficShare]? {
        let sum = shares.reduce(UInt64(0)) { $0 + UInt64($1.weight) }
        guard sum > 0 else {
            context.error(.invalidWeights, at: position, "the weights sum to 0, so no destination gets anything")
            return nil
        }
        guard sum <= UInt64(UInt32.max) else {
            context.error(.invalidWeights, at: position, "the weights sum to \(sum), above the bound of 4294967295")
            return nil
        }
        return shares
    }

    /// A `Destination` of a VirtualService.
    private mutating func destination(namespace: String) -> TrafficDestination? {
        let host = host("host", namespace: namespace)
        let subset = text("subset")
        let port = mapping("port") { fields -> Located<Int>? in
            if !fields.has("number") { fields.reportMissing("number") }
            return fields.integer("number", in: 1...65_535)
        }
        guard let host else { return nil }
        guard !host.value.isWildcard else {
            context.error(.invalidValue, at: host.position, "a destination is one host, not a pattern")
            return nil
        }
        return TrafficDestination(host: host, subset: subset.map { .named($0) } ?? .whole, port: port)
    }

    /// The copies that a rule makes of its requests.
    /// - Parameter inherits: Whether what is left out here may stand in the rule that delegates, or is delegated to.
    mutating func mirroring(namespace: String, inherits: Bool) -> TrafficRule.Mirroring {
        var mirroring = TrafficRule.Mirroring()
        mirroring.destination = mapping("mirror") { $0.destination(namespace: namespace) }
        mirroring.percentage = mirrorShare("mirrorPercentage")
        for name in ["mirrorPercent", "mirror_percent"] {
            guard let percent = integer(name, in: 0...100) else { continue }
            context.report(
                .deprecation,
                .deprecatedField,
                at: keyPosition(name),
                "\(name) is deprecated; its successor is mirrorPercentage.value"
            )
            mirroring.percent = FractionalPercent(share: Double(percent.value))
        }
        if value("mirrors") != nil {
            mirroring.further = mappings("mirrors") { fields in
                let destination = fields.requiredMapping("destination") { $0.destination(namespace: namespace) }
                let share = fields.mirrorShare("percentage") ?? .all
                return destination.map { ($0, share) }
            }
        }
        if value("mirror") != nil, value("mirrors") != nil {
            context.error(.conflictingFields, at: keyPosition("mirrors"), "a rule has either mirror or mirrors")
        }
        for name in ["mirrorPercentage", "mirrorPercent", "mirror_percent"]
        where has(name) && !has("mirror") && !inherits {
            context.warning(
                .noEffect,
                at: keyPosition(name),
                "without mirror there is nothing that \(name) is a share of"
            )
        }
        return mirroring
    }

    /// The share of requests that are copied; a value that is left out is 0, as in Istio.
    private mutating func mirrorShare(_ name: String) -> FractionalPercent? {
        mapping(name) { fields in
            let problems = fields.context.errorCount
            let share = fields.number("value", in: 0...100)?.value ?? 0
            if share == 0, fields.context.errorCount == problems {
                fields.context.warning(.noEffect, at: fields.position, "0% of the requests are copied")
            }
            return FractionalPercent(share: share)
        }
    }
}
