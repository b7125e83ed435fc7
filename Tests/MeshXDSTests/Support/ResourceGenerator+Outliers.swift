// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshCore

extension ResourceGenerator {
    /// Rules for the ejection of endpoints.
    mutating func outlierDetection() -> OutlierDetection {
        let base = span()
        return OutlierDetection(
            consecutiveFailures: streak(),
            consecutiveGatewayFailures: streak(),
            splitsLocalOriginFailures: chance(),
            consecutiveLocalOriginFailures: streak(),
            successRate: chance(30)
                ? nil
                : .init(
                    minimumEndpoints: count(),
                    requestVolume: count(),
                    standardDeviationFactor: count(),
                    enforcing: ofHundred(),
                    enforcingLocalOrigin: ofHundred()
                ),
            failurePercentage: chance(30)
                ? nil
                : .init(
                    threshold: ofHundred(),
                    minimumEndpoints: count(),
                    requestVolume: count(),
                    enforcing: ofHundred(),
                    enforcingLocalOrigin: ofHundred()
                ),
            interval: span(),
            baseEjectionTime: base,
            maximumEjectionTime: pick([base, .forever]),
            maximumEjectionTimeJitter: chance() ? span() : .zero,
            maximumEjectionPercent: ofHundred(),
            alwaysEjectsOneEndpoint: chance(),
            successfulHealthCheckUnejects: chance()
        )
    }

    private mutating func streak() -> OutlierDetection.Streak? {
        chance(30) ? nil : .init(pick([1, 5, .max]), enforcing: ofHundred())
    }

    private mutating func ofHundred() -> UInt32 { UInt32(below(101)) }

    private mutating func count() -> UInt32 { pick([0, 1, 100, .max - 1]) }
}
