// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// Who counts requests for a whole fleet: the seam to Envoy's `RateLimitService` (`envoy.service.ratelimit.v3`).
///
/// An implementer guarantees that the answer is that of the service, with a status for each descriptor in their order,
/// and throws whatever kept it from asking. It should give up at the deadline; callers do not wait longer in any case.
/// Called once a request on the request path, from any thread. For limits that one process counts, use
/// `LocalRateLimiter`; `InMemoryRateLimitService` of `MeshTesting` answers from a script.
public protocol RateLimitService: Sendable {
    /// Counts a request and says whether it may pass.
    /// - Parameters:
    ///   - domain: Whose limits they are.
    ///   - descriptors: What the request is counted under; never empty.
    ///   - hits: How many hits it counts for where a descriptor says nothing; 0 means 1.
    ///   - deadline: When nobody waits for the answer any more.
    func shouldRateLimit(
        domain: String,
        descriptors: [RateLimitDescriptor],
        hits: UInt32,
        deadline: Deadline
    ) async throws -> RateLimitVerdict
}
