// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import MeshCore
import MeshTesting
import Synchronization
import Testing

@testable import ServiceMesh

/// What the rules of outlier detection do to requests.
@Suite struct OutlierTests {
    /// A mesh whose first endpoint of five does as it is told.
    private func fixture(
        _ detection: OutlierDetection,
        first: @escaping @Sendable () -> InMemoryTransport.Step
    ) throws -> MeshFixture {
        try MeshFixture(Given.simple(ports: [1, 2, 3, 4, 5], outlierDetection: detection)) { sent, _ in
            sent.endpoint?.port == 1 ? first() : .status(200)
        }
    }

    private func first(_ fixture: MeshFixture) -> Int { fixture.attemptsByPort[1] ?? 0 }

    @Test func `gateway failures eject by a rule of their own`() async throws {
        let detection = OutlierDetection(
            consecutiveFailures: nil,
            consecutiveGatewayFailures: 3,
            maximumEjectionPercent: 50
        )
        let fixture = try fixture(detection) { .status(503) }
        for _ in 0..<50 { await fixture.send() }
        #expect(first(fixture) == 3)
        let broken = try self.fixture(detection) { .status(500) }
        for _ in 0..<50 { await broken.send() }
        #expect(first(broken) == 10)
    }

    @Test func `refused connections count apart where that is wished`() async throws {
        let detection = OutlierDetection(
            consecutiveFailures: nil,
            splitsLocalOriginFailures: true,
            consecutiveLocalOriginFailures: 4,
            maximumEjectionPercent: 50
        )
        let fixture = try fixture(detection) { .refuseConnection }
        for _ in 0..<50 { await fixture.send() }
        #expect(first(fixture) == 4)
        let broken = try self.fixture(detection) { .status(503) }
        for _ in 0..<50 { await broken.send() }
        #expect(first(broken) == 10)
    }

    @Test func `who answers worse than the others is ejected at the end of the interval, and returns`() async throws {
        let isBroken = Mutex(true)
        let turns = Atomic<Int>(0)
        let detection = OutlierDetection(consecutiveFailures: nil, maximumEjectionPercent: 20)
        let fixture = try fixture(detection) {
            // Every other request, so that no row is long.
            let isTurn = turns.wrappingAdd(1, ordering: .relaxed).newValue % 2 == 0
            return isTurn && isBroken.withLock { $0 } ? .status(500) : .status(200)
        }
        await withTaskGroup(of: Void.self) { group in
            group.addTask { try? await fixture.mesh.run() }
            for _ in 0..<500 { await fixture.send() }
            #expect(first(fixture) == 100)
            await pass(.seconds(10), in: fixture) { events(of: fixture).count == 1 }
            for _ in 0..<100 { await fixture.send() }
            #expect(first(fixture) == 100)
            let explanation = fixture.mesh.explain(InMemoryRequest())
            #expect(explanation.description.contains("a success rate below the others' eject for 30.0 seconds"))
            isBroken.withLock { $0 = false }
            await pass(.seconds(30), in: fixture) { events(of: fixture).count == 2 }
            for _ in 0..<100 { await fixture.send() }
            #expect(first(fixture) == 120)
            group.cancelAll()
        }
        #expect(
            events(of: fixture) == ["1 ejected for 30.0 seconds: a success rate below the others'", "1 returned"]
        )
    }

    /// Lets time pass, and the background work see it.
    private func pass(_ span: Nanoseconds, in fixture: MeshFixture, until isSeen: () -> Bool) async {
        await fixture.clock.waitForSleepers()
        fixture.clock.advance(by: span)
        await fixture.until(isSeen)
    }

    private func events(of fixture: MeshFixture) -> [String] {
        fixture.observer.events.compactMap { event in
            switch event {
            case .endpointEjected(_, let endpoint, let duration, _, let reason):
                "\(endpoint.port ?? 0) ejected for \(duration.duration): \(reason)"
            case .endpointReturned(_, let endpoint): "\(endpoint.port ?? 0) returned"
            default: nil
            }
        }
    }
}
