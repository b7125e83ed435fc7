// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience

/// The policies of goal P2: retries, a timeout, a limit of the calls under way.
struct SmallPolicyStack<Leaf: Transport>: Sendable
where Leaf.Request == MinimalRequest, Leaf.Response == MinimalResponse {
    typealias Attempt = DeadlineLayer<BulkheadLayer<Leaf, FixedPolicy<Bulkhead>>, FixedPolicy<Nanoseconds>>

    let stack: RetryLayer<Attempt, FixedPolicy<Retry>>

    init(_ leaf: Leaf) {
        let (clock, random) = (SystemClock(), MeshRandom(seed: 1))
        let bulkhead = valid { try Bulkhead(BulkheadConfiguration(maximumConcurrent: 1 << 20)) }
        let retry = valid { try Retry(RetryPolicy(maximumAttempts: 4, conditions: .serverError), budget: nil) }
        let limited = BulkheadLayer(leaf, source: FixedPolicy(bulkhead))
        let attempt = Attempt(limited, scope: .attempt, source: FixedPolicy(.seconds(30)), clock: clock)
        stack = RetryLayer(attempt, source: FixedPolicy(retry), clock: clock, random: random)
    }
}
