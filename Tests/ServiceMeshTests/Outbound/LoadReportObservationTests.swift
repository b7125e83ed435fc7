// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import MeshCore
import MeshTesting
import Testing

@testable import ServiceMesh

/// What a balancer that asks for it learns from the load reports of real responses.
@Suite struct LoadReportObservationTests {
    private func fixture(
        _ policy: some LoadBalancingPolicy,
        ports: [UInt16] = [1, 2, 3],
        answer: @escaping @Sendable (InMemoryTransport.Sent, Int) -> InMemoryTransport.Step
    ) throws -> MeshFixture {
        var resources = Given.simple(ports: ports)
        resources.clusters["v1"]?.loadBalancing = .init(policy)
        return try MeshFixture(resources, answer: answer)
    }

    /// What an endpoint reports that serves 100 requests a second, by what it could serve.
    private static func report(capacity: Int) -> String {
        "TEXT rps_fractional:100,cpu_utilization:\(100.0 / Double(capacity))"
    }

    private func send(_ count: Int, by fixture: MeshFixture) async -> [UInt16: Int] {
        let before = fixture.attemptsByPort
        for _ in 0..<count { await fixture.send() }
        return fixture.attemptsByPort.merging(before) { $0 - $1 }
    }

    @Test func `traffic shifts to who reports that it can do more, once the blackout is over`() async throws {
        let fixture = try fixture(ClientSideWeightedRoundRobin()) { sent, _ in
            let capacity = sent.endpoint?.port == 2 ? 200 : 400
            return .respond(InMemoryResponse(200, headers: ["endpoint-load-metrics": Self.report(capacity: capacity)]))
        }
        #expect(await send(300, by: fixture) == [1: 100, 2: 100, 3: 100])
        fixture.clock.advance(by: .seconds(10))
        let shifted = await send(500, by: fixture)
        for (port, expected) in [(1, 200), (2, 100), (3, 200)] as [(UInt16, Int)] {
            #expect(abs((shifted[port] ?? 0) - expected) <= 2)
        }
        let explanation = fixture.mesh.explain(InMemoryRequest()).description
        #expect(explanation.contains("client_side_weighted_round_robin: reports count after 10.0 seconds"))
        #expect(explanation.contains("reported weight 200.0"))
        #expect(fixture.isAtRest)
    }

    @Test func `reports are read from trailers as well, where the transport sees them`() async throws {
        let fixture = try fixture(ClientSideWeightedRoundRobin(blackoutPeriod: .zero)) { sent, _ in
            let capacity = sent.endpoint?.port == 2 ? 200 : 400
            return .respond(InMemoryResponse(200, trailers: ["endpoint-load-metrics": Self.report(capacity: capacity)]))
        }
        _ = await send(30, by: fixture)
        fixture.clock.advance(by: .seconds(1))
        let shifted = await send(500, by: fixture)
        #expect(abs((shifted[2] ?? 0) - 100) <= 2)
    }

    @Test func `what cannot be read is counted and told, and the answer is none the worse for it`() async throws {
        let fixture = try fixture(ClientSideWeightedRoundRobin(), ports: [1]) { _, _ in
            .respond(InMemoryResponse(200, headers: ["endpoint-load-metrics-bin": "no base 64"]))
        }
        for _ in 0..<3 {
            guard case .success(200) = await fixture.send() else { return #expect(Bool(false), "the answer was lost") }
        }
        let told = fixture.observer.events.compactMap { event in
            if case .loadReportRefused(let cluster, let endpoint, let reason) = event {
                return "\(cluster) \(endpoint.port ?? 0) \(reason)"
            }
            return nil
        }
        #expect(told == Array(repeating: "v1 1 is not base 64", count: 3))
        #expect(fixture.mesh.explain(InMemoryRequest()).description.contains("3 load reports refused"))
    }

    @Test func `other balancers look at no report`() async throws {
        let fixture = try fixture(RoundRobin(), ports: [1]) { _, _ in
            .respond(InMemoryResponse(200, headers: ["endpoint-load-metrics-bin": "no base 64"]))
        }
        await fixture.send()
        #expect(!fixture.mesh.explain(InMemoryRequest()).description.contains("refused"))
    }

    @Test(
        arguments: [
            (RoundRobin(), "round_robin"), (LeastRequest(choiceCount: 3), "least_request of 3 drawn"),
            (RingHash(minimumSize: 7, balanceFactor: 150), "ring_hash: 7 to 8388608 places by XXH64, at most 150%"),
            (Maglev(tableSize: 101, key: .hostname), "maglev: a table of 101, by host name"),
            (
                RoundRobin(slowStart: SlowStart(window: .seconds(30))),
                "round_robin, slow start over 30.0 seconds from 10.0%"
            ),
            (PickFirst(shufflesAddressList: true), "pick_first of a shuffled list"),
            (
                RandomSubsetting(subsetSize: 2, child: RandomChoice()),
                "random_subsetting: 2 endpoints, among these random"
            ),
            (
                DeterministicAperture(peerIndex: 0, peerCount: 2),
                "deterministic_aperture: at least 12 endpoints, client 0 of 2"
            ),
        ] as [(any LoadBalancingPolicy, String)]
    )
    func `explain shows a policy's settings, and requests go by it`(
        _ policy: any LoadBalancingPolicy,
        _ expected: String
    ) async throws {
        let fixture = try fixture(policy) { _, _ in .status(200) }
        guard case .success(200) = await fixture.send() else { return #expect(Bool(false), "the request failed") }
        let shown = try #require(fixture.mesh.explain(InMemoryRequest())["load balancing"])
        #expect(shown.hasPrefix(expected))
    }
}
