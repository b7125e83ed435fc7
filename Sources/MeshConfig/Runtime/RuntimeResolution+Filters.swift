// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience
import MeshRouting

extension RuntimeResolution {
    /// A listener's filter.
    mutating func resolve(_ filter: inout HTTPFilter) {
        switch filter {
        case .fault(var fault):
            resolve(&fault)
            filter = .fault(fault)
        case .policies(var policies):
            resolve(&policies)
            filter = .policies(policies)
        case .localRateLimit(var limit):
            resolve(&limit)
            filter = .localRateLimit(limit)
        case .globalRateLimit(var limit):
            resolve(&limit.enabled)
            resolve(&limit.enforced)
            if var refused = limit.refusedOnFailure {
                resolve(&refused)
                limit.refusedOnFailure = refused
            }
            filter = .globalRateLimit(limit)
        case .jwt(var jwt):
            for position in jwt.rules.indices {
                guard var fraction = jwt.rules[position].match.fraction else { continue }
                resolve(&fraction)
                jwt.rules[position].match.fraction = fraction
            }
            filter = .jwt(jwt)
        case .externalAuthorization(var external):
            resolve(&external.enabled)
            filter = .externalAuthorization(external)
        case .authorization, .rateLimit, .headerMutation, .buffer, .statefulSession: break
        }
    }

    /// What a place says of its listener's filters.
    mutating func resolve(_ overrides: inout FilterOverrides) {
        guard case .settings(var limit)? = overrides.localRateLimit else { return }
        resolve(&limit)
        overrides.localRateLimit = .settings(limit)
    }

    private mutating func resolve(_ limit: inout LocalRateLimitFilter) {
        resolve(&limit.enabled)
        resolve(&limit.enforced)
    }

    /// What stands on a route, a cluster or a listener.
    mutating func resolve(_ policies: inout TrafficPolicies) {
        if var admission = policies.admissionControl {
            resolve(&admission)
            policies.admissionControl = admission
        }
        if var limit = policies.adaptiveLimit {
            if let isOn = truth(limit.enabledKey) { limit.mode = isOn ? .enforce : .disabled }
            if case .envoyGradient(var gradient) = limit.algorithm {
                resolve(&gradient)
                limit.algorithm = .envoyGradient(gradient)
            }
            policies.adaptiveLimit = limit
        }
    }

    /// Admission control, whose numbers are bounded as Envoy bounds them.
    private mutating func resolve(_ admission: inout AdmissionControlConfiguration) {
        let keys = admission.runtimeKeys
        guard keys != .none else { return }
        if let isOn = truth(keys.enabled) { admission.mode = isOn ? .enforce : .disabled }
        if let percent = decimal(keys.maximumRefusal) {
            if percent >= 0 {
                admission.maximumRefusal = min(percent, 100) / 100
            } else {
                refuse(keys.maximumRefusal, "must be at least 0, is \(percent)")
            }
        }
        guard case .successRate(var rate) = admission.algorithm else { return }
        if let aggression = decimal(keys.aggression) { rate.aggression = min(max(aggression, 1), 1000) }
        if let percent = decimal(keys.threshold) {
            if percent > 0 {
                rate.threshold = min(percent, 100) / 100
            } else {
                refuse(keys.threshold, "must be above 0, is \(percent)")
            }
        }
        if let least = wholeNumber(keys.minimumRate) { rate.minimumRate = Double(min(least, 1_000_000)) }
        admission.algorithm = .successRate(rate)
    }

    /// Faults.
    mutating func resolve(_ fault: inout FaultConfiguration) {
        let keys = fault.runtimeKeys
        guard fault.delay != nil || fault.abort != nil || fault.responseRate != nil else { return }
        if let most = wholeNumber(keys.maximumActive) {
            // None at all: nothing is injected, as in Envoy.
            if most == 0 { return fault = FaultConfiguration(mode: fault.mode, runtimeKeys: keys) }
            fault.maximumActive = Int(clamping: most)
        }
        if var delay = fault.delay {
            delay.percentage = share(keys.delayPercentage) ?? delay.percentage
            if !delay.isByHeader, let milliseconds = wholeNumber(keys.delayDuration, in: 0...Self.longestDelay) {
                delay.duration = .milliseconds(milliseconds)
                delay.upTo = nil
            }
            fault.delay = delay.isByHeader || delay.duration > .zero ? delay : nil
        }
        if var abort = fault.abort {
            abort.percentage = share(keys.abortPercentage) ?? abort.percentage
            resolve(&abort, keys)
            fault.abort = abort
        }
        if var rate = fault.responseRate {
            rate.percentage = share(keys.responseRatePercentage) ?? rate.percentage
            fault.responseRate = rate
        }
    }

    /// A day, in milliseconds.
    private static let longestDelay: UInt64 = 86_400_000

    private mutating func resolve(_ abort: inout FaultConfiguration.Abort, _ keys: FaultRuntimeKeys) {
        guard !abort.isByHeader else { return }
        if abort.grpcStatus != nil {
            if let status = wholeNumber(keys.abortGRPCStatus, in: 1...16) { abort.grpcStatus = Int(status) }
        } else if let status = wholeNumber(keys.abortStatus, in: 200...599) {
            abort.status = Int(status)
        }
    }
}
