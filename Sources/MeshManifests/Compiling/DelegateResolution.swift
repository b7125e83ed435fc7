// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// Puts the rules that routings delegate to in the place of those that delegate.
struct DelegateResolution {
    private struct Reference: Hashable {
        var namespace: String
        var name: String
    }

    /// The routings, of which none delegates any more.
    private(set) var routings: [HostRouting] = []
    private(set) var diagnostics: [Diagnostic] = []
    private let delegates: [Reference: HostRouting]
    /// Routings with hosts of their own, which nobody can delegate to.
    private let roots: [Reference: HostRouting]
    private var used: Set<Reference> = []
    /// How many more pairs of conditions may be merged: two long lists have the product of their lengths.
    private var remainingPairs = 100_000

    init(_ model: ManifestModel) {
        delegates = Self.byReference(model.delegates)
        roots = Self.byReference(model.routings)
        for routing in model.routings {
            var resolved = routing
            resolved.rules = routing.rules.flatMap { rules(for: $0, of: routing) }
            routings.append(resolved)
        }
        for delegate in model.delegates where !used.contains(Self.reference(of: delegate)) {
            report(
                .warning,
                .unreachableRule,
                at: delegate.metadata.position,
                "\(delegate.metadata.qualifiedName) has no hosts, and nobody delegates to it"
            )
        }
    }

    private static func byReference(_ routings: [HostRouting]) -> [Reference: HostRouting] {
        Dictionary(routings.map { (reference(of: $0), $0) }) { first, _ in first }
    }

    private static func reference(of routing: HostRouting) -> Reference {
        Reference(namespace: routing.metadata.namespace, name: routing.metadata.name)
    }

    private mutating func report(
        _ severity: Diagnostic.Severity,
        _ code: Diagnostic.Code,
        at position: SourcePosition,
        _ message: String
    ) {
        diagnostics.append(Diagnostic(severity, code, at: position, message))
    }

    /// A rule itself, or the rules that it delegates to; none where those cannot be used.
    private mutating func rules(for rule: TrafficRule, of routing: HostRouting) -> [TrafficRule] {
        guard case .delegate(let wanted, let reply) = rule.action else { return [rule] }
        let reference = Reference(namespace: wanted.namespace, name: wanted.name.value)
        guard let delegate = delegates[reference] else {
            reportMissing(wanted, root: roots[reference])
            return []
        }
        used.insert(reference)
        guard delegate.visibility.includes(routing.metadata.namespace) else {
            report(
                .error,
                .unknownReference,
                at: wanted.name.position,
                "\(wanted.qualifiedName) is not exported to the namespace \(routing.metadata.namespace); its exportTo "
                    + "must name it"
            )
            return []
        }
        let pairs = delegate.rules.reduce(0) { $0 + max($1.conditions.count, 1) } * max(rule.conditions.count, 1)
        guard pairs <= remainingPairs else {
            report(
                .error,
                .tooManyValues,
                at: wanted.name.position,
                "delegating would make more than 100000 conditions of those here and those of \(wanted.qualifiedName)"
            )
            return []
        }
        remainingPairs -= pairs
        return delegate.rules.compactMap { own in
            if let merged = rule.delegating(to: own, reply: reply) { return merged }
            report(
                .warning,
                .unreachableRule,
                at: own.position,
                "no request that \(routing.metadata.qualifiedName) delegates (\(rule.position)) can meet the conditions "
                    + "of \(own.name), or not all of them: the rule is left out there"
            )
            return nil
        }
    }

    private mutating func reportMissing(_ wanted: DelegateReference, root: HostRouting?) {
        guard let root else {
            let names = delegates.keys.filter { $0.namespace == wanted.namespace }.map(\.name)
            let suggestion = NearestName.suggestion(for: wanted.name.value, among: names)
            report(
                .error,
                .unknownReference,
                at: wanted.name.position,
                "there is no VirtualService \(wanted.qualifiedName) to delegate to\(suggestion)"
            )
            return
        }
        report(
            .error,
            .unknownReference,
            at: wanted.name.position,
            "the VirtualService \(wanted.qualifiedName) (\(root.metadata.position)) has hosts of its own, so that nobody "
                + "can delegate to it"
        )
    }
}
