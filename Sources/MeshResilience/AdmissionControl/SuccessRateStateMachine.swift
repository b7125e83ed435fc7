// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// Envoy's, failsafe's and Google's formula over a window.
struct SuccessRateStateMachine: AdmissionAlgorithm {
    private let settings: AdmissionControlConfiguration.SuccessRate
    private var window: CallWindow

    init(_ settings: AdmissionControlConfiguration.SuccessRate) {
        self.settings = settings
        self.window = CallWindow(length: settings.window, buckets: settings.buckets)
    }

    mutating func callWanted(at now: MeshInstant) {}

    mutating func callRefused(at now: MeshInstant) {
        if settings.countsRefusals { window.add(isSuccess: false, at: now) }
    }

    mutating func callEnded(isSuccess: Bool, at now: MeshInstant) {
        window.add(isSuccess: isSuccess, at: now)
    }

    mutating func refusalShare(at now: MeshInstant) -> Double {
        window.forget(at: now)
        guard window.successes < window.calls else { return 0 }
        if settings.minimumRate > 0, window.averageRate(at: now) < settings.minimumRate { return 0 }
        return Self.share(calls: window.calls, successes: window.successes, settings)
    }

    /// The share of refusals for so many calls and successes.
    ///
    /// The difference is bounded before the root is taken, not after: a negative number has no root.
    static func share(calls: Int, successes: Int, _ settings: AdmissionControlConfiguration.SuccessRate) -> Double {
        let excess = Double(calls) - Double(successes) / settings.threshold
        return ElementaryFunctions.power(max(excess, 0) / Double(calls + 1), 1 / settings.aggression)
    }
}
