// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import MeshCore
import MeshResilience
import MeshRouting
import MeshTesting
import Synchronization
import Testing

@testable import ServiceMesh

@Suite struct EndpointBreakersTests {
    private static func endpoints(_ ports: some Sequence<UInt16>) -> [EndpointState] {
        ports.map { EndpointState(Endpoint(address: Given.address($0))) }
    }

    @Test(arguments: [0, 1, 2, 3, 16, 1_000] as [UInt16])
    func `every endpoint finds the slot of its address, and no other endpoint finds one`(count: UInt16) {
        let table = CircuitBreakerTable()
        let own = Self.endpoints((0..<count).map { $0 + 1 })
        table.endpointsChanged(own)
        let breakers = EndpointBreakers(own, table: table)
        for endpoint in own {
            #expect(breakers.slot(of: endpoint) === table[endpoint.endpoint.address])
            #expect(breakers.slot(of: endpoint) != nil)
        }
        // The same addresses, but not the endpoints of this configuration.
        let others = Self.endpoints((0..<20).map { $0 + 1 })
        #expect(others.allSatisfy { breakers.slot(of: $0) == nil })
    }

    @Test func `slots stay with their addresses, and those of addresses that are gone go`() {
        let table = CircuitBreakerTable()
        let before = Self.endpoints([1, 2])
        table.endpointsChanged(before)
        let slots = before.map { table[$0.endpoint.address] }
        let after = Self.endpoints([2, 3])
        table.endpointsChanged(after)
        #expect(table[Given.address(1)] == nil && table[Given.address(3)] != nil)
        #expect(table[Given.address(2)] === slots[1])
        #expect(table[Given.address(2)]?.concerned.endpoint === after[0])
    }

    @Test func `requests that are the first at once get one breaker`() async throws {
        for _ in 0..<200 {
            let slot = BreakerSlot(Self.endpoints([1])[0])
            #expect(slot.existing == nil)
            let breakers = await withTaskGroup(of: CircuitBreaker.self) { group in
                for _ in 0..<4 {
                    group.addTask {
                        slot.breaker { CircuitBreaker(validated: CircuitBreakerConfiguration(), name: "reviews") }
                    }
                }
                return await group.reduce(into: []) { $0.append($1) }
            }
            #expect(breakers.allSatisfy { $0 === breakers[0] } && slot.existing === breakers[0])
        }
    }

    @Test func `a slot lets go of its breaker when it goes itself`() {
        weak var breaker: CircuitBreaker?
        do {
            let slot = BreakerSlot(Self.endpoints([1])[0])
            breaker = slot.breaker { CircuitBreaker(validated: CircuitBreakerConfiguration(), name: "reviews") }
            #expect(breaker != nil && slot.existing === breaker)
        }
        #expect(breaker == nil)
    }

    @Test func `a breaker that opens after a push keeps traffic from the endpoint that has the address then`()
        async throws
    {
        let breaker = CircuitBreakerConfiguration(minimumCalls: 2)
        let isDead = Mutex(false)
        func resources(weight: UInt32) -> MeshResources {
            var cluster = Given.cluster("v1", ports: [], circuitBreaker: breaker)
            let endpoints = [UInt16(1), 2].map { port in
                ClusterEndpoint(Given.address(port), weight: port == 1 ? weight : 1)
            }
            cluster.discovery = .fixed(
                EndpointAssignment(name: "v1", localities: [LocalityEndpoints(endpoints: endpoints)])
            )
            return Given.reviews([Route(action: Given.forward(to: "v1"))], [cluster])
        }
        let fixture = try MeshFixture(resources(weight: 1)) { sent, _ in
            sent.endpoint?.port == 1 && isDead.withLock { $0 } ? .status(503) : .status(200)
        }
        for _ in 0..<2 { await fixture.send() }
        let before = try #require(fixture.cluster("v1"))
        let held = try #require(before.live.existingBreaker(for: Given.address(1)))
        try fixture.mesh.apply(resources(weight: 3))
        let after = try #require(fixture.cluster("v1"))
        #expect(after.endpoints[0] !== before.endpoints[0])
        #expect(after.live.existingBreaker(for: Given.address(1)) === held)
        isDead.withLock { $0 = true }
        for _ in 0..<12 { await fixture.send() }
        #expect(after.endpoints[0].refusedUntil.load(ordering: .relaxed) > fixture.clock.now.nanoseconds)
        #expect(before.endpoints[0].refusedUntil.load(ordering: .relaxed) == 0)
        #expect(fixture.isAtRest)
    }
}
