// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// Finagle's: a moving average of the share of calls that the peer accepted.
struct NackStateMachine: AdmissionAlgorithm {
    private let settings: AdmissionControlConfiguration.Nack
    /// The calls that were wanted in the last second; Finagle slices it in ten, too.
    private var recent = CallWindow(length: .seconds(1), buckets: 10)
    private var accepted = 1.0
    private var updatedAt: MeshInstant

    init(_ settings: AdmissionControlConfiguration.Nack, at now: MeshInstant) {
        self.settings = settings
        self.updatedAt = now
    }

    mutating func callWanted(at now: MeshInstant) {
        recent.add(isSuccess: true, at: now)
    }

    mutating func callRefused(at now: MeshInstant) {}

    mutating func callEnded(isSuccess: Bool, at now: MeshInstant) {
        recent.forget(at: now)
        // While there is little traffic the average rises, so that a few refusals at its beginning refuse nobody.
        let value = isSuccess || recent.calls < settings.minimumRate ? 1.0 : 0
        let weight = ElementaryFunctions.exp(-(now.elapsed(since: updatedAt).seconds / settings.window.seconds))
        accepted = value * (1 - weight) + accepted * weight
        updatedAt = max(updatedAt, now)
    }

    mutating func refusalShare(at now: MeshInstant) -> Double {
        let threshold = 1 - settings.threshold
        return accepted < threshold ? 1 - accepted / threshold : 0
    }

    /// The share of calls that the peer accepted, 0 to 1.
    var acceptedShare: Double { accepted }
}
