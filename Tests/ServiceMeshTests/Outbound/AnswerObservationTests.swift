// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import MeshCore
import MeshTesting
import Synchronization
import Testing

@testable import ServiceMesh

/// What a balancer that asks for it learns from real requests.
@Suite struct AnswerObservationTests {
    /// Keeps what it is told.
    private struct Listener: LoadBalancingPolicy {
        final class Notes: Sendable {
            let all = Mutex<[(port: UInt16?, answer: AttemptAnswer)]>([])
        }

        let notes = Notes()
        var name: String { "listener" }
        var observesAnswers: Bool { true }

        static func == (lhs: Listener, rhs: Listener) -> Bool { lhs.notes === rhs.notes }
        func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(notes)) }

        func makePicker(_ endpoints: [EndpointState], random: MeshRandom) -> any EndpointPicker {
            RoundRobin().makePicker(endpoints, random: random)
        }

        func answered(_ answer: AttemptAnswer, by endpoint: EndpointState) {
            notes.all.withLock { $0.append((endpoint.endpoint.address.port, answer)) }
        }
    }

    private func fixture(
        _ policy: some LoadBalancingPolicy,
        ports: [UInt16] = [1],
        answer: @escaping @Sendable (InMemoryTransport.Sent, Int) -> InMemoryTransport.Step
    ) throws -> MeshFixture {
        var resources = Given.simple(ports: ports)
        resources.clusters["v1"]?.loadBalancing = .init(policy)
        return try MeshFixture(resources, answer: answer)
    }

    @Test func `each attempt is told once, with its outcome`() async throws {
        let listener = Listener()
        let fixture = try fixture(listener) { _, number in
            switch number {
            case 0: .status(200)
            case 1: .status(503)
            default: .refuseConnection
            }
        }
        for _ in 0..<3 { await fixture.send() }
        let told = listener.notes.all.withLock { $0 }
        #expect(told.map(\.port) == [1, 1, 1])
        #expect(told.map(\.answer.outcome) == [.success, .failure, .failure])
        #expect(fixture.isAtRest)
    }

    @Test func `with peak EWMA who fails gets next to nothing, and explain says by what it balances`() async throws {
        let fixture = try fixture(PeakEWMA(), ports: [1, 2, 3]) { sent, _ in
            sent.endpoint?.port == 2 ? .status(503) : .status(200)
        }
        for _ in 0..<300 { await fixture.send() }
        #expect(fixture.attemptsByPort[2] == 1)
        #expect(fixture.mesh.explain(InMemoryRequest()).description.contains("peak_ewma"))
    }
}
