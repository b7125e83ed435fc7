// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshResilience
import SwiftProtobuf

/// Policies that xDS has no field for are not sent, and reported; nothing is lost without a word.
extension DialectTranslation {
    private static let noField = "xDS has no field for it; it is not sent"

    /// The policies of a cluster that can be sent: the one kind of retry budget that Envoy has.
    mutating func translate(_ policies: inout TrafficPolicies, ofCluster path: String) {
        var sendable = TrafficPolicies()
        // One that only observes, or is off, would act at the client.
        if case .concurrency(let budget) = policies.retryBudget, budget.mode == .enforce {
            sendable.retryBudget = policies.retryBudget
        }
        leave(sendable, of: &policies, path)
    }

    /// The policies of a listener that can be sent: those that are filters.
    mutating func translate(_ policies: inout TrafficPolicies, ofListener path: String) {
        guard dialect != .grpc else { return leave(.none, of: &policies, path) }
        var sendable = TrafficPolicies()
        if let control = policies.admissionControl, case .successRate = control.algorithm {
            let codec = AdmissionControlCodec()
            let arrives = reportLosses(of: \.admissionControl, in: policies, path + ".admissionControl", codec)
            sendable.admissionControl = arrives ? control : nil
            if !arrives { policies.admissionControl = nil }
        }
        if let limit = policies.adaptiveLimit, case .envoyGradient = limit.algorithm {
            let codec = AdaptiveConcurrencyCodec()
            let arrives = reportLosses(of: \.adaptiveLimit, in: policies, path + ".adaptiveLimit", codec)
            sendable.adaptiveLimit = arrives ? limit : nil
            if !arrives { policies.adaptiveLimit = nil }
        }
        leave(sendable, of: &policies, path)
    }

    /// The policies of a route that can be sent: hedges, and which of the listener's it switches off.
    mutating func translate(_ route: inout Route, _ path: String) {
        var sendable = TrafficPolicies()
        if dialect != .grpc, case .forward(let forward) = route.action, let hedging = route.policies.hedging {
            if forward.retry != nil {
                report(path + ".policies.hedging", "xDS knows hedges in the place of retries only; it is not sent")
                route.policies.hedging = nil
            } else if var retry = hedging.retryPolicy.map(Optional.some), hedging.mode == .enforce {
                sendable.hedging = hedging
                var message = Envoy_Config_Route_V3_HedgePolicy()
                message.hedgeOnPerTryTimeout = true
                var context = DecodingContext(registry: .standard)
                let received = HedgingConfiguration(
                    message,
                    replacing: &retry,
                    isReplaySaid: true,
                    at: .root,
                    &context
                )
                report(differencesOf: hedging, and: received, at: path + ".policies.hedging")
            }
        }
        if dialect != .grpc, route.policies.admissionControl?.mode == .disabled {
            sendable.admissionControl = route.policies.admissionControl
        }
        if dialect != .grpc, route.policies.adaptiveLimit?.mode == .disabled {
            sendable.adaptiveLimit = route.policies.adaptiveLimit
        }
        leave(sendable, of: &route.policies, path + ".policies")
        if let fault = route.fault { route.fault = translated(fault, path + ".fault") }
        if let limit = route.rateLimit { route.rateLimit = translated(limit, path + ".rateLimit") }
        guard case .forward(var forward) = route.action else { return }
        for (cluster, fault) in forward.clusterFaults.sorted(by: { $0.key < $1.key }) {
            forward.clusterFaults[cluster] = translated(fault, "\(path).clusterFaults[\(cluster)]")
        }
        leaveTimeoutsThatDoNotAct(of: &forward, path)
        forward.retry = forward.retry.flatMap { translated($0, path + ".retry") }
        route.action = .forward(forward)
    }

    /// A timeout that is only watched must not end anybody's requests.
    private mutating func leaveTimeoutsThatDoNotAct(of forward: inout RouteAction.Forward, _ path: String) {
        if forward.timeout != nil, forward.timeoutMode != .enforce {
            if forward.timeoutMode == .observe { report(path + ".timeout", "xDS has no timeouts that only observe") }
            forward.timeout = nil
        }
        if forward.retry?.perTryTimeout != nil, forward.perTryTimeoutMode != .enforce {
            if forward.perTryTimeoutMode == .observe {
                report(path + ".retry.perTryTimeout", "xDS has no timeouts that only observe")
            }
            forward.retry?.perTryTimeout = nil
        }
    }

    /// A fault that does not act is none: a client would inject it.
    mutating func translated(_ fault: FaultConfiguration, _ path: String) -> FaultConfiguration {
        switch fault.mode {
        case .disabled: return FaultConfiguration()
        case .observe:
            report(path, "xDS has no faults that only observe; none is injected")
            return FaultConfiguration()
        case .enforce:
            if let message = try? FaultCodec.encoded(fault) {
                var context = DecodingContext(registry: .standard)
                if case .fault(let received)? = FaultCodec().decode(message, at: .root, &context) {
                    report(differencesOf: fault, and: received, at: path)
                }
            }
            return fault
        }
    }

    /// A rate limit as the token bucket that comes closest to it.
    mutating func translated(_ limit: RateLimitConfiguration, _ path: String) -> RateLimitConfiguration {
        guard dialect != .grpc else { return limit }
        var bucket = limit
        bucket.algorithm = .tokenBucket
        bucket.maximumWait = .zero
        // Evenly spaced tokens come one by one, and not all of an interval's at its end.
        if limit.algorithm == .smooth {
            bucket.tokensPerFill = 1
            bucket.fillInterval = Nanoseconds(rawValue: limit.fillInterval.rawValue / UInt64(limit.tokensPerFill))
        }
        let least: Nanoseconds = dialect == .envoy ? .milliseconds(50) : .milliseconds(1)
        if bucket.fillInterval < least {
            let fills = least.rawValue / max(bucket.fillInterval.rawValue, 1) + 1
            bucket.fillInterval = Nanoseconds(rawValue: max(bucket.fillInterval.rawValue, 1) * fills)
            bucket.tokensPerFill = Int(min(UInt64(bucket.tokensPerFill) * fills, UInt64(UInt32.max)))
            bucket.maximumTokens = max(bucket.maximumTokens, bucket.tokensPerFill)
        }
        report(differencesOf: limit, and: bucket, at: path)
        return bucket
    }

    /// Retries that do not act are none: a client would make them.
    private mutating func translated(_ retry: RetryPolicy, _ path: String) -> RetryPolicy? {
        guard retry.mode == .enforce else {
            if retry.mode == .observe { report(path, "xDS has no retries that only observe; none is made") }
            return nil
        }
        var context = DecodingContext(registry: .standard)
        let message = Envoy_Config_Route_V3_RetryPolicy(retry)
        let received = RetryPolicy(message, alwaysReplays: retry.replay == .always, at: .root, &context)
        report(differencesOf: retry, and: received, at: path)
        return retry
    }

    /// Leaves of the policies what can be sent, and reports the rest.
    private mutating func leave(_ sendable: TrafficPolicies, of policies: inout TrafficPolicies, _ path: String) {
        func check<Policy: Equatable>(_ name: String, _ policy: KeyPath<TrafficPolicies, Policy?>) {
            guard policies[keyPath: policy] != sendable[keyPath: policy] else { return }
            report("\(path).\(name)", Self.noField)
        }
        check("loadShedding", \.loadShedding)
        check("expiredRequests", \.expiredRequests)
        check("fallback", \.fallback)
        check("responseCache", \.responseCache)
        check("coalescing", \.coalescing)
        check("keyedRateLimit", \.keyedRateLimit)
        check("admissionControl", \.admissionControl)
        check("hedging", \.hedging)
        check("adaptiveLimit", \.adaptiveLimit)
        check("bulkhead", \.bulkhead)
        check("circuitBreaker", \.circuitBreaker)
        check("retryBudget", \.retryBudget)
        if policies.sharing != sendable.sharing { report("\(path).sharing", Self.noField) }
        if !policies.deadlineHeaders.isEmpty { report("\(path).deadlineHeaders", Self.noField) }
        policies = sendable
    }

    /// Reports the settings of a filter that do not arrive: it is written, and read as the client reads it.
    /// - Returns: Whether the client takes it at all.
    private mutating func reportLosses<Configuration: PolicyConfiguration>(
        of policy: WritableKeyPath<TrafficPolicies, Configuration?>,
        in policies: TrafficPolicies,
        _ path: String,
        _ codec: some HTTPFilterCodec
    ) -> Bool {
        guard let meant = policies[keyPath: policy] else { return false }
        var sent = TrafficPolicies()
        sent[keyPath: policy] = meant
        var context = DecodingContext(registry: .standard)
        guard let message = try? codec.encode(.policies(sent)),
            case .policies(let received)? = codec.decode(message, at: .root, &context)
        else {
            let problem = context.problems.first.map { ": \($0.path) \($0.message)" } ?? ""
            report(path, "clients refuse it, so that it is not sent\(problem)")
            return false
        }
        report(differencesOf: meant, and: received[keyPath: policy], at: path)
        return true
    }

    /// Reports the settings in which what a client gets differs from what was meant.
    private mutating func report<Configuration: PolicyConfiguration>(
        differencesOf meant: Configuration,
        and received: Configuration?,
        at path: String
    ) {
        guard let received, received != meant else { return }
        let values = Dictionary(received.settings.map { ($0.name, $0.value) }) { $1 }
        for setting in meant.settings where values[setting.name] != setting.value {
            let other = values[setting.name] ?? "none"
            report("\(path).\(setting.name)", "xDS cannot say \(setting.value); the client gets \(other)")
        }
    }
}
