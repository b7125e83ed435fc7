// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import MeshCore
import MeshTesting
import Synchronization
import Testing

@testable import ServiceMesh

/// A hundred endpoints in virtual time, which are restarted five at a time.
@Suite struct RollingRestartTests {
    private static let ports = Array(1...100 as ClosedRange<UInt16>)

    private func policies() -> [Cluster.LoadBalancing] {
        [.init(RoundRobin()), .init(LeastRequest()), .init(PeakEWMA()), .init(RandomChoice())]
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func `it costs no request that a retry can save`(seed: UInt64) async throws {
        for balancing in policies() {
            let down = Mutex<Set<UInt16>>([])
            var resources = Given.simple(
                ports: Self.ports,
                retry: Given.retry(attempts: 3),
                outlierDetection: OutlierDetection(consecutiveFailures: 2, maximumEjectionPercent: 10)
            )
            resources.clusters["v1"]?.loadBalancing = balancing
            let fixture = try MeshFixture(resources, seed: seed) { sent, _ in
                down.withLock { $0.contains(sent.endpoint?.port ?? 0) } ? .refuseConnection : .status(200)
            }
            var failed = 0
            for start in 1...20 as ClosedRange<UInt16> {
                // Every twentieth: neighbours would fail a request's attempts one after another where they go in turn.
                down.withLock { $0 = Set(stride(from: start, through: 100, by: 20)) }
                for _ in 0..<100 where await fixture.send().value != 200 { failed += 1 }
                fixture.clock.advance(by: .seconds(5))
            }
            #expect(failed == 0, "\(balancing.policy.name)")
            let retries = fixture.network.sent.count { $0.attempt > 1 }
            #expect(retries > 0, "\(balancing.policy.name) met none that was down")
            #expect(fixture.isAtRest)
        }
    }
}
