// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshCore
import MeshRouting

/// A `LoadBalancerSettings` of a DestinationRule.
struct LoadBalancerFields {
    var settings: TrafficPolicy.LoadBalancer
    /// By what requests find the same endpoint again.
    var hash: HashPolicy?
}

extension FieldReader {
    private enum SimpleBalancing {
        case policy(TrafficPolicy.Balancing)
        case unspecified
        case unsupported
    }

    /// A `LoadBalancerSettings`.
    /// - Parameter ejects: Whether there is outlier detection beside it, without which nobody fails over.
    mutating func loadBalancer(ejects: Bool) -> LoadBalancerFields? {
        let hash = mapping("consistentHash") { $0.consistentHash() }
        _ = oneOf(["simple", "consistentHash"], of: "a load balancer")
        let simple = simpleBalancing()
        let slowStart = slowStart()
        let balancing = hash?.balancing ?? simple
        if slowStart != nil, let balancing, balancing != .roundRobin, balancing != .leastRequest {
            context.warning(
                .noEffect,
                at: keyPosition(has("warmup") ? "warmup" : "warmupDurationSecs"),
                "only ROUND_ROBIN and LEAST_REQUEST let new endpoints warm up"
            )
        }
        _ = oneOf(["localityLbSetting", "zoneAwareLbSetting"], of: "a load balancer")
        let localities = mapping("localityLbSetting") { $0.localityPreference(ejects: ejects) }
        let zones = mapping("zoneAwareLbSetting") { $0.zonePreference(ejects: ejects) }
        let settings = TrafficPolicy.LoadBalancer(
            balancing: balancing,
            slowStart: slowStart,
            localities: zones ?? localities
        )
        return LoadBalancerFields(settings: settings, hash: hash?.policy)
    }

    /// How new endpoints get their part: `warmup`, or the older span alone, which leaves the rest to Envoy's defaults.
    private mutating func slowStart() -> SlowStart? {
        _ = oneOf(["warmupDurationSecs", "warmup"], of: "a load balancer")
        if has("warmupDurationSecs") {
            context.report(
                .deprecation,
                .deprecatedField,
                at: keyPosition("warmupDurationSecs"),
                "warmupDurationSecs is deprecated; its successor is warmup.duration"
            )
        }
        let older = duration("warmupDurationSecs").map { SlowStart(window: $0.value) }
        return mapping("warmup") { $0.warmup() } ?? older
    }

    /// A `WarmupConfiguration`: 10% at first and an aggression of 1 if they are left out, as in Istio.
    private mutating func warmup() -> SlowStart? {
        if !has("duration") { reportMissing("duration") }
        guard let window = duration("duration") else { return nil }
        var settings = SlowStart(window: window.value)
        if let percent = number("minimumPercent", in: 0...100) { settings.minimumWeightPercent = percent.value }
        if let aggression = number("aggression", in: 1...1_000) { settings.aggression = aggression.value }
        return settings
    }

    /// - Returns: `nil` for what Istio would choose.
    private mutating func simpleBalancing() -> TrafficPolicy.Balancing? {
        let simple = choice(
            "simple",
            [
                "UNSPECIFIED": SimpleBalancing.unspecified, "ROUND_ROBIN": .policy(.roundRobin),
                "LEAST_REQUEST": .policy(.leastRequest), "LEAST_CONN": .policy(.leastRequest),
                "RANDOM": .policy(.random), "PASSTHROUGH": .unsupported,
            ]
        )
        if let word = value("simple"), case .scalar(let scalar) = word.content, scalar.text == "LEAST_CONN" {
            context.report(
                .deprecation,
                .deprecatedField,
                at: word.position,
                "LEAST_CONN is deprecated; its successor is LEAST_REQUEST"
            )
        }
        switch simple?.value {
        case .policy(let balancing): return balancing
        case .unspecified, nil: return nil
        case .unsupported:
            context.warning(
                .unsupportedField,
                at: simple?.position ?? position,
                "PASSTHROUGH is not supported: the caller names a service, and no address that requests could be "
                    + "passed on to; they are balanced as if nothing were said"
            )
            return nil
        }
    }
}
