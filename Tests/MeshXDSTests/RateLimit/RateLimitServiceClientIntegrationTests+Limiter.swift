// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience
import MeshTesting

extension RateLimitServiceClientIntegrationTests {
    /// A limit that asks the service.
    func limiter(
        _ service: any RateLimitService,
        refusesOnFailure: Bool = false,
        timeout: Nanoseconds = .seconds(60),
        clock: any MeshClock = SystemClock(),
        observer: RecordingObserver = RecordingObserver()
    ) throws -> GlobalRateLimiter {
        try GlobalRateLimiter(
            GlobalRateLimitConfiguration(domain: "shop", timeout: timeout, refusesOnFailure: refusesOnFailure),
            service: service,
            name: "route",
            observers: ObserverSet([observer]),
            clock: clock
        )
    }
}
