// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshResilience
import MeshRouting
import MeshTesting
import Testing

@testable import ServiceMesh

/// Rules for what is shared belong to the policies that they stand beside.
@Suite struct MixedSharingTests {
    private static let cache = TrafficPolicies(
        responseCache: ResponseCacheConfiguration(timeToLive: .seconds(60)),
        sharing: ResponseSharingRules(keyHeaders: ["authorization"])
    )
    private static let coalescing = TrafficPolicies(coalescing: CoalescingConfiguration())

    @Test func `a coalescing comes beside a cache only if its rules are the same`() {
        let apart = Self.cache.completed(by: Self.coalescing)
        #expect(apart == Self.cache)
        #expect(Self.coalescing.completed(by: Self.cache) == Self.coalescing)
        var alike = Self.coalescing
        alike.sharing = Self.cache.sharing
        let both = alike.completed(by: Self.cache)
        #expect(both.responseCache != nil && both.coalescing != nil && both.sharing == Self.cache.sharing)
        #expect(TrafficPolicies.none.completed(by: Self.cache) == Self.cache)
    }

    @Test func `two filters of a listener whose rules differ are refused`() throws {
        func resources(_ second: TrafficPolicies) -> MeshResources {
            Given.reviews(
                [Route(name: "default", action: Given.forward(to: "v1"))],
                [Given.cluster("v1", ports: [1])],
                filters: [.policies(Self.cache), .policies(second)]
            )
        }
        let error = #expect(throws: ConfigurationError.self) { try resources(Self.coalescing).validate() }
        #expect(error?.problems.map(\.path) == ["listeners[reviews:9080].filters[1].sharing"])
        var alike = Self.coalescing
        alike.sharing = Self.cache.sharing
        try resources(alike).validate()
        try resources(TrafficPolicies(bulkhead: BulkheadConfiguration(maximumConcurrent: 1))).validate()
    }
}
