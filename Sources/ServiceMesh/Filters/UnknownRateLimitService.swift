// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience

/// Stands in for a rate limit service that this process does not know: it fails, as one that cannot be reached does.
struct UnknownRateLimitService: RateLimitService {
    let name: String

    func shouldRateLimit(
        domain: String,
        descriptors: [RateLimitDescriptor],
        hits: UInt32,
        deadline: Deadline
    ) async throws -> RateLimitVerdict {
        throw MeshError(.clusterNotFound, origin: .local, message: "this process knows no rate limit service \(name)")
    }
}
