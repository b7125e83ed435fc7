// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience

extension FieldReader {
    /// An `IstioService` of the first API.
    struct LegacyService {
        var host: Located<HostPattern>
        var labels: [String: String]
    }

    /// A service by name and namespace, or by its full name.
    mutating func legacyService(_ namespace: String) -> LegacyService? {
        let labels = labels("labels")
        let hasName = has("name") || has("service")
        if !hasName { reportMissing("name") }
        return legacyHost(namespace).map { LegacyService(host: $0, labels: labels) }
    }

    /// A client, by its service, its namespace and its labels.
    mutating func legacySource(_ namespace: String) -> SourceCondition? {
        let labels = labels("labels")
        let hasName = has("name") || has("service")
        let own = text("namespace")?.value
        let host = legacyHost(namespace)
        // A client that cannot be told from others must not match them.
        if hasName, host == nil { return nil }
        return SourceCondition(service: host?.value, namespace: hasName ? nil : own, labels: labels)
    }

    private mutating func legacyHost(_ namespace: String) -> Located<HostPattern>? {
        let name = text("name")
        let full = text("service")
        let own = text("namespace")?.value ?? namespace
        let domain = text("domain")?.value ?? HostPattern.serviceDomain
        if has("name"), has("service") {
            context.error(.conflictingFields, at: keyPosition("service"), "a service has either name or service")
        }
        guard let text = full ?? name else { return nil }
        let isShort = full == nil && !text.value.contains(".")
        let completed = isShort ? "\(text.value).\(own).\(domain)" : text.value
        guard let host = HostPattern(completed, namespace: own), !host.isWildcard else {
            context.error(.invalidValue, at: text.position, "\(text.value) is no name of a service")
            return nil
        }
        return Located(value: host, position: text.position)
    }

    /// The destinations of a rule; empty if it names none, `nil` if they cannot be used.
    mutating func legacyShares(destination: Located<HostPattern>, namespace: String) -> [TrafficShare]? {
        guard value("route") != nil else { return [] }
        guard let count = elements("route")?.count else { return nil }
        if count == 0 { return [] }
        let shares = mappings("route") { fields -> TrafficShare? in
            let position = fields.position
            let labels = fields.labels("labels")
            let weight = fields.integer("weight", in: 0...100)
            if weight == nil, fields.value("weight") != nil { return nil }
            let other = fields.mapping("destination") { $0.legacyService(namespace) }
            let others = other?.labels ?? [:]
            if !labels.isEmpty, !others.isEmpty, labels != others {
                fields.context.error(
                    .conflictingFields,
                    at: fields.keyPosition("labels"),
                    "the destination has other labels than its share of the route"
                )
            }
            let chosen = labels.isEmpty ? others : labels
            return TrafficShare(
                destination: TrafficDestination(
                    host: other?.host ?? destination,
                    subset: chosen.isEmpty ? .whole : .labels(chosen)
                ),
                weight: weight.map { UInt32($0.value) } ?? (count == 1 ? 100 : 0),
                position: position
            )
        }
        guard shares.count == count else { return nil }
        let sum = shares.reduce(0) { $0 + $1.weight }
        guard sum == 100 else {
            context.error(
                .invalidWeights,
                at: keyPosition("route"),
                "the weights of a RouteRule must sum to 100, and sum to \(sum)"
            )
            return nil
        }
        return shares
    }

    /// An `HTTPRetry` of the first API.
    mutating func legacyRetry() -> TrafficRule.RetrySetting? {
        if !has("attempts") { reportMissing("attempts") }
        let attempts = integer("attempts", in: 0...999)
        let perTry = duration("perTryTimeout")
        ignore("overrideHeaderName")
        guard let attempts else { return nil }
        guard attempts.value > 0 else { return .never }
        return .policy(RetryPolicy(maximumAttempts: attempts.value + 1, perTryTimeout: perTry?.value))
    }

    /// An `HTTPFaultInjection` of the first API.
    mutating func legacyFault() -> FaultConfiguration? {
        let delay = mapping("delay") { fields -> FaultConfiguration.Delay? in
            if !fields.has("fixedDelay"), !fields.has("exponentialDelay") { fields.reportMissing("fixedDelay") }
            fields.refuse("exponentialDelay", because: "Istio never implemented it; use fixedDelay")
            fields.ignore("overrideHeaderName")
            let duration = fields.duration("fixedDelay")
            let share = fields.legacyShare(named: "the delay")
            return duration.map { FaultConfiguration.Delay(duration: $0.value, percentage: share) }
        }
        let abort = mapping("abort") { fields -> FaultConfiguration.Abort? in
            if !["httpStatus", "grpcStatus", "http2Error"].contains(where: fields.has) {
                fields.reportMissing("httpStatus")
            }
            fields.refuse("grpcStatus", "http2Error", because: "requests would not be aborted; use httpStatus")
            fields.ignore("overrideHeaderName")
            let status = fields.integer("httpStatus", in: 200...599)
            let share = fields.legacyShare(named: "the abort")
            return status.map { FaultConfiguration.Abort(status: $0.value, percentage: share) }
        }
        return delay == nil && abort == nil ? nil : FaultConfiguration(delay: delay, abort: abort)
    }

    private mutating func legacyShare(named owner: String) -> FractionalPercent {
        let percent = number("percent", in: 0...100)
        guard let percent, percent.value > 0 else {
            let isMeant = !has("percent") || percent != nil
            if isMeant { context.warning(.noEffect, at: position, "\(owner) hits 0% of the requests; set percent") }
            return .none
        }
        return FractionalPercent(share: percent.value)
    }
}
