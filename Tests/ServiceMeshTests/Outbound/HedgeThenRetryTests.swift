// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import MeshCore
import MeshResilience
import MeshRouting
import MeshTesting
import Testing

@testable import ServiceMesh

/// What a retry has to know of the hedged call that failed before it: all of its attempts, and not only the last.
@Suite struct HedgeThenRetryTests {
    private static func resources(
        _ hedging: HedgingConfiguration,
        _ retry: RetryPolicy,
        ports: [UInt16]
    ) -> MeshResources {
        var v1 = Given.cluster("v1", ports: ports)
        v1.loadBalancing = Cluster.LoadBalancing(LeastRequest())
        return Given.reviews(
            [
                Route(
                    name: "default",
                    action: Given.forward(to: "v1", retry: retry),
                    policies: TrafficPolicies(hedging: hedging)
                )
            ],
            [v1]
        )
    }

    private static let failures = HedgingConfiguration(delay: .afterFailure, ownBudget: nil)

    @Test(arguments: [true, false])
    func `a retry goes where none of the hedged attempts was, if it avoids the endpoints before it`(avoids: Bool)
        async throws
    {
        var retry = Given.retry()
        retry.avoidsPreviousEndpoints = avoids
        let fixture = try MeshFixture(Self.resources(Self.failures, retry, ports: [1, 2, 3]), retryBudget: nil) {
            _,
            _ in .status(503)
        }
        for _ in 0..<24 { #expect(await fixture.send().value == 503) }
        let ports = fixture.network.sent.map { $0.endpoint?.port ?? 0 }
        #expect(ports.count == 96)
        let distinct = stride(from: 0, to: ports.count, by: 4).filter { Set(ports[$0..<($0 + 3)]).count == 3 }
        #expect(avoids ? distinct.count == 24 : distinct.count < 24)
        #expect(fixture.isAtRest)
    }

    @Test func `a failed call may have been sent if one of its attempts may have been`() async throws {
        var hedging = Self.failures
        hedging.hedgesNonIdempotent = true
        let fixture = try MeshFixture(Self.resources(hedging, Given.retry(), ports: [1, 2])) { _, number in
            number == 0
                ? .fail(MeshError(.connectionClosed, origin: .upstream, requestState: .maybeSent, message: "reset"))
                : .fail(MeshError(.connectionFailed, origin: .upstream, requestState: .notSent, message: "refused"))
        }
        let error = await fixture.send(InMemoryRequest(method: "POST")).meshError
        #expect(error?.requestState == .maybeSent)
        #expect(fixture.network.sent.count == 2 && fixture.isAtRest)
    }

    @Test func `a retry counts on from the last attempt that began, whichever was the last to fail`() async throws {
        var hedging = Self.failures
        hedging.delay = .fixed(.milliseconds(100))
        hedging.maximumAttempts = 2
        let retry = Given.retry(perTryTimeout: .seconds(1))
        let fixture = try MeshFixture(Self.resources(hedging, retry, ports: [1, 2, 3])) { _, number in
            switch number {
            case 0: .respondAfter(.seconds(10), InMemoryResponse(200))
            case 1: .fail(MeshError(.connectionFailed, origin: .upstream, requestState: .notSent, message: "refused"))
            default: .status(200)
            }
        }
        async let answer = fixture.send().value
        await fixture.clock.waitForSleepers(2)
        fixture.clock.advance(by: .milliseconds(100))
        while fixture.network.sent.count < 2 { await Task.yield() }
        fixture.clock.advance(by: .milliseconds(900))
        while fixture.network.sent.count < 3 {
            fixture.clock.advance(by: Nanoseconds(rawValue: 1))
            await Task.yield()
        }
        #expect(await answer == 200)
        #expect(fixture.network.sent.map(\.attempt) == [1, 2, 3])
        #expect(fixture.observer.requests.map(\.attempts) == [3] && fixture.isAtRest)
    }
}
