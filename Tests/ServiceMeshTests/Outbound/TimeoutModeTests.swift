// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshResilience
import MeshRouting
import MeshTesting
import Testing

@testable import ServiceMesh

/// The timeouts of a route that act, that only say what they would do, and what a peer hears of the time that is left.
@Suite struct TimeoutModeTests {
    private static func resources(
        timeout: Nanoseconds? = nil,
        _ timeoutMode: PolicyMode = .enforce,
        perTry: Nanoseconds? = nil,
        _ perTryMode: PolicyMode = .enforce,
        policies: TrafficPolicies = .none
    ) -> MeshResources {
        let forward = RouteAction.Forward(
            clusters: WeightedClusters(single: "v1"),
            timeout: timeout,
            timeoutMode: timeoutMode,
            retry: perTry.map { Given.retry(attempts: 1, perTryTimeout: $0) },
            perTryTimeoutMode: perTryMode
        )
        return Given.reviews(
            [Route(name: "default", action: .forward(forward), policies: policies)],
            [Given.cluster("v1", ports: [1])]
        )
    }

    /// Sends a request that is answered after two seconds.
    private func sendSlowly(_ resources: MeshResources) async throws -> (MeshFixture, Result<Int, any Error>) {
        let fixture = try MeshFixture(resources) { _, _ in .respondAfter(.seconds(2), InMemoryResponse(200)) }
        let result = await withTaskGroup(of: Result<Int, any Error>.self) { group in
            group.addTask { await fixture.send() }
            await fixture.clock.waitForSleepers()
            fixture.clock.advance(by: .seconds(2))
            return await group.next() ?? .failure(CancellationError())
        }
        #expect(fixture.isAtRest)
        return (fixture, result)
    }

    @Test(
        arguments: [
            (PolicyMode.enforce, [PolicyDecision(.timeout, name: "default", .timedOut, because: .deadline)]),
            (
                .observe,
                [PolicyDecision(.timeout, name: "default", .timedOut, because: .deadline, isEnforced: false)]
            ),
            (.disabled, []),
        ]
    )
    func `a route's timeout ends a request, says that it would have, or does nothing`(
        mode: PolicyMode,
        decisions: [PolicyDecision]
    ) async throws {
        let (fixture, result) = try await sendSlowly(Self.resources(timeout: .seconds(1), mode))
        #expect(result.meshError?.code == (mode == .enforce ? .deadlineExceeded : nil))
        #expect(result.value == (mode == .enforce ? nil : 200))
        #expect(fixture.observer.decisions == decisions)
        #expect(fixture.network.sent.first?.deadline.isNever == (mode != .enforce))
    }

    @Test(
        arguments: [
            (PolicyMode.enforce, [PolicyDecision(.timeout, name: "v1", .timedOut, because: .deadline)]),
            (.observe, [PolicyDecision(.timeout, name: "v1", .timedOut, because: .deadline, isEnforced: false)]),
            (.disabled, []),
        ],
        [true, false]
    )
    func `an attempt's timeout does the same, beside other policies and alone`(
        behaviour: (mode: PolicyMode, decisions: [PolicyDecision]),
        isGuarded: Bool
    ) async throws {
        let guarding = TrafficPolicies(bulkhead: BulkheadConfiguration(maximumConcurrent: 7))
        let (fixture, result) = try await sendSlowly(
            Self.resources(perTry: .seconds(1), behaviour.mode, policies: isGuarded ? guarding : .none)
        )
        #expect(result.meshError?.code == (behaviour.mode == .enforce ? .attemptTimeout : nil))
        #expect(result.value == (behaviour.mode == .enforce ? nil : 200))
        #expect(fixture.observer.decisions == behaviour.decisions)
    }

    @Test func `both are described and explained with their modes`() throws {
        let fixture = try MeshFixture(Self.resources(timeout: .seconds(3), .observe, perTry: .seconds(1), .disabled))
        let stack = try #require(fixture.mesh.describe(InMemoryRequest()).first?.stack)
        #expect(stack.policies.map(\.slot) == [.totalTimeout, .retry, .attemptTimeout])
        #expect(stack.policies.map(\.mode) == [.observe, .enforce, .disabled])
        let explanation = fixture.mesh.explain(InMemoryRequest())
        #expect(explanation["timeout"]?.hasSuffix("from the route [observe]") == true)
        #expect(explanation["retry"]?.contains("each [disabled]") == true)
    }

    @Test(arguments: [true, false])
    func `each attempt tells its peer the time that is left, in the fields that the route or cluster names`(
        isOnRoute: Bool
    ) async throws {
        let policies = TrafficPolicies(deadlineHeaders: [.envoy, .grpc])
        var resources = Self.resources(timeout: .seconds(3), policies: isOnRoute ? policies : .none)
        if !isOnRoute { resources.clusters["v1"]?.policies = policies }
        let fixture = try MeshFixture(resources)
        await fixture.send()
        let sent = try #require(fixture.network.sent.first?.request)
        #expect(sent.value(of: TimeoutHeaders.envoy) == "3000")
        #expect(sent.value(of: TimeoutHeaders.grpc) == "3S")
        // A caller that waits less long has already said so.
        await fixture.send(InMemoryRequest(headers: [(TimeoutHeaders.grpc, "1S")]))
        #expect(fixture.network.sent.last?.request.value(of: TimeoutHeaders.grpc) == "1S")
        let explanation = fixture.mesh.explain(InMemoryRequest())
        #expect(explanation["deadline headers"] == "x-envoy-expected-rq-timeout-ms, grpc-timeout")
        let place = isOnRoute ? "route default" : "cluster v1"
        #expect(
            fixture.mesh.describe(InMemoryRequest()).first?.stack.description
                .contains("deadlineHeaders x-envoy-expected-rq-timeout-ms, grpc-timeout (\(place))") == true
        )
    }

    @Test func `a peer hears the attempt's deadline where it is the earlier one, and nothing without a deadline`()
        async throws
    {
        let policies = TrafficPolicies(deadlineHeaders: .envoy)
        let fixture = try MeshFixture(Self.resources(timeout: .seconds(3), perTry: .seconds(1), policies: policies))
        await fixture.send()
        #expect(fixture.network.sent.last?.request.value(of: TimeoutHeaders.envoy) == "1000")
        try fixture.mesh.apply(Self.resources(policies: policies))
        await fixture.send()
        #expect(fixture.network.sent.last?.request.headers.isEmpty == true)
    }
}
