// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience
import MeshTesting
import Testing

@Suite struct DeadlineHeaderLayerTests {
    private let clock = ManualClock()
    private static let envoy: HeaderName = "x-envoy-expected-rq-timeout-ms"
    private static let grpc: HeaderName = "grpc-timeout"

    /// What the peer gets of both fields.
    private func send(
        _ headers: DeadlineHeaders?,
        _ timeout: Nanoseconds?,
        attempt: Nanoseconds? = nil,
        request: InMemoryRequest = InMemoryRequest()
    ) async throws -> [String?] {
        let network = InMemoryTransport([.status(200)])
        let contract = TransportContract(network)
        let layer = DeadlineHeaderLayer(contract, source: FixedPolicy(headers), clock: clock)
        var context = CallContext(now: clock.now)
        if let timeout { context.deadline = Deadline(timeout, after: clock.now) }
        if let attempt { context.attemptDeadline = Deadline(attempt, after: clock.now) }
        _ = try await layer.withResponse(to: request, context: &context) { $0.statusCode }
        #expect(contract.violations.isEmpty)
        return [Self.envoy, Self.grpc].map { network.sent.first?.request.value(of: $0) }
    }

    @Test func `the fields that are named say how much time is left`() async throws {
        #expect(try await send([.envoy, .grpc], .seconds(2)) == ["2000", "2S"])
        #expect(try await send(.envoy, Nanoseconds(rawValue: 1_000_001)) == ["2", nil])
        #expect(try await send(.grpc, Nanoseconds(rawValue: 1_000_001)) == [nil, "1010u"])
        // The peer has until the earlier of both: its answer to this attempt counts no longer.
        #expect(try await send([.envoy, .grpc], .seconds(2), attempt: .milliseconds(50)) == ["50", "50m"])
    }

    @Test func `without a deadline, a policy or a field nothing is written`() async throws {
        #expect(try await send([.envoy, .grpc], nil) == [nil, nil])
        #expect(try await send(nil, .seconds(2)) == [nil, nil])
        #expect(try await send([], .seconds(2)) == [nil, nil])
    }

    @Test func `a field that says less is never extended, one that says more is shortened`() async throws {
        let shorter = InMemoryRequest(headers: [(Self.envoy, "10"), (Self.grpc, "10m")])
        #expect(try await send([.envoy, .grpc], .seconds(2), request: shorter) == ["10", "10m"])
        let longer = InMemoryRequest(headers: [(Self.envoy, "9000"), (Self.grpc, "9S")])
        #expect(try await send([.envoy, .grpc], .seconds(2), request: longer) == ["2000", "2S"])
        // A hundredth more than is left would be more than was said.
        let close = InMemoryRequest(headers: [(Self.grpc, "1001m")])
        #expect(try await send(.grpc, Nanoseconds(rawValue: 1_000_900_000), request: close) == [nil, "1001m"])
        let broken = InMemoryRequest(headers: [(Self.envoy, "0"), (Self.grpc, "9 s")])
        #expect(try await send([.envoy, .grpc], .seconds(2), request: broken) == ["2000", "2S"])
    }

    @Test func `a deadline that has passed is written as the shortest time, since none means no limit`() async throws {
        #expect(try await send([.envoy, .grpc], .zero) == ["1", "1n"])
    }

    @Test func `a request whose send throws leaves no exchange open`() async {
        let contract = TransportContract(InMemoryTransport([.refuseConnection]))
        let layer = DeadlineHeaderLayer(contract, source: FixedPolicy<DeadlineHeaders>(.envoy), clock: clock)
        var context = CallContext(now: clock.now, deadline: Deadline(.seconds(1), after: clock.now))
        await #expect(throws: MeshError.self) { _ = try await layer.send(InMemoryRequest(), context: &context) }
        #expect(context.openExchanges == 0 && contract.violations.isEmpty)
    }
}
